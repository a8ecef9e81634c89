/* signals.c - what SIGINT, SIGTERM, SIGHUP, SIGBUS and SIGPIPE do. */
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
  struct sigaction doing = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&doing.sa_mask);
  sigaction(number, &doing, NULL);
}

void signals_install(void) {
  handle(SIGBUS, on_bus);
  handle(SIGPIPE, SIG_DFL);
  handle(SIGXFSZ, SIG_IGN); /* a file over the limit is a failed write */
}

void signals_subject(const char *text) { subject = text; }

static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOPS = sizeof stops / sizeof *stops };

/* A closed terminal that nohup had ignored stays ignored; shells ignore SIGINT
 * for what they run behind, which who sends it does not know. */
static void handle_stops(void (*handler)(int)) {
  for (int i = 0; i < STOPS; i++) {
    struct sigaction now;
    sigaction(stops[i], NULL, &now);
    if (stops[i] != SIGHUP || now.sa_handler != SIG_IGN)
      handle(stops[i], handler);
  }
}

void signals_note(void) { handle_stops(on_stop); }

void signals_act(void) { handle_stops(SIG_DFL); }

int signals_noted(void) { return (int)noted; }

static void mask(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < STOPS; i++) sigaddset(&set, stops[i]);
  sigprocmask(how, &set, NULL);
}

void signals_hold(void) { mask(SIG_BLOCK); }
void signals_release(void) { mask(SIG_UNBLOCK); }
