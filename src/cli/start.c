/*
 * start.c - the program: answers --help and --version itself and hands all
 * else to the library. That is loaded only then, since loading it and the 60
 * libraries that it needs takes longer than either answer.
 */
#include "cli/program.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { COLUMN = 30 };

static void help(FILE *out) {
  static const struct {
    const char *name, *operands, *summary;
  } commands[] = {
#define COMMAND(name, operands, summary) {#name, operands, summary},
#include "cli/commands.def"
#undef COMMAND
  };
  fputs(
      "usage: hubtune COMMAND ...\n\n"
      "Loads TensorFlow Hub modules and SavedModels, differentiates them,\n"
      "fine-tunes them on the CPU and writes them back.\n\nCommands:\n",
      out);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    int n = fprintf(out, "  %s %s", commands[i].name, commands[i].operands);
    fprintf(out, "%*s%s\n", COLUMN - n, "", commands[i].summary);
  }
  fputs(
      "\n'hubtune COMMAND --help' explains a command. Results go to standard\n"
      "output, all else to standard error. The exit status is 0 when done, 1\n"
      "after a failure, 2 for a wrong command line, 3 where a model is not as\n"
      "good as 'train --assert' wants, 130 or 143 when ended by a signal.\n",
      out);
}

/* OpenBLAS does not know the newest cores and then takes slow kernels; which
 * ones it takes is decided while it is loaded. Not where oneDNN multiplies. */
static void choose_kernels(void) {
#if !defined HAVE_DNNL && defined __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    (void)setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0); /* else only slower */
#endif
}

static int hand_over(int argc, char **argv) {
  choose_kernels();
#ifdef HT_LIBRARY
  void *library = dlopen(HT_LIBRARY, RTLD_LAZY);
  int (*program)(int, char **) = NULL;
  if (library) *(void **)&program = dlsym(library, "ht_program");
  if (program) return program(argc, argv);
  fprintf(stderr,
          "hubtune: cannot load its library (ldconfig makes an installed one "
          "known): %s\n",
          dlerror());
  return 1;
#else
  return ht_program(argc, argv);
#endif
}

static int answer(int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : NULL;
  if (!word) return help(stderr), 2;
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
    return help(stdout), 0;
  if (strcmp(word, "--version") == 0)
    return printf("hubtune %s\n", PACKAGE_VERSION), 0;
  return hand_over(argc, argv);
}

/* What was printed may not have arrived: a full disk, a closed pipe. */
static int finish(int status) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  if (errno == EPIPE || status != 0) return status;
  fprintf(stderr, "hubtune: cannot write standard output: %s\n",
          strerror(errno));
  return 1;
}

int main(int argc, char **argv) { return finish(answer(argc, argv)); }
