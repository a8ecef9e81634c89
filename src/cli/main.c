/* main.c - the program: finds the command and runs it. */
#include <stdio.h>

int main(int argc, char **argv) {
  fprintf(stderr, "usage: %s COMMAND ...\n", argc ? argv[0] : "hubtune");
  return 2;
}
