/* signals.c - what SIGINT, SIGTERM, SIGBUS and SIGPIPE do. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

static volatile sig_atomic_t noted;
static const char *volatile subject = "a file";

static void say(const char *text) {
  ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written; /* nobody to tell */
}

/* Only functions that are safe in a handler. */
static void on_bus(int number) {
  (void)number;
  say("hubtune: a mapped file was cut short while it was read: '");
  say(subject);
  say("'\n");
  _exit(FAILED);
}

static void on_stop(int number) {
  noted = number;
  signal(number, SIG_DFL); /* the second one ends at once */
}

static void handle(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

void signals_install(void) {
  handle(SIGBUS, on_bus);
  handle(SIGPIPE, SIG_DFL);
  handle(SIGXFSZ, SIG_IGN); /* a file over the limit is a failed write */
}

void signals_subject(const char *text) { subject = text; }

void signals_note(void) {
  handle(SIGINT, on_stop);
  handle(SIGTERM, on_stop);
}

void signals_act(void) {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
}

int signals_noted(void) { return (int)noted; }

static void mask(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(how, &set, NULL);
}

void signals_hold(void) { mask(SIG_BLOCK); }
void signals_release(void) { mask(SIG_UNBLOCK); }
