/* raise.h - control flow of version 1 made functional: loops for plans,
 * conditionals, too, for exporters. */
#ifndef HT_GRAPH_RAISE_H
#define HT_GRAPH_RAISE_H

#include "graph/graph.h"

/*
 * The graph as plans see it: itself where it has no loops of version 1, else
 * a copy (made once, same node numbers) in which each such loop is a While
 * node and the loop's Exit nodes are its outputs. The loop's condition and
 * body become functions of the library: their arguments are the loop's
 * variables and what it takes from outside unchanged. Inner loops first, so
 * a body holds a While in its turn. A loop of another form stays as it is: a
 * plan that reaches it says that it has a cycle.
 */
ht_status ht_graph_raise(ht_graph *g, ht_graph **out) HT_MUST_CHECK;

/*
 * That graph, and its conditionals as If nodes: what Switches send into two
 * branches and Merges join again. TensorFlow differentiates Switch and Merge
 * only where a graph keeps the contexts of Python. The branches become
 * functions of the library, the Merges the If's outputs under their names.
 * Merges of another form, or whose second output is read, stay.
 */
ht_status ht_graph_raise_all(ht_graph *g, ht_graph **out) HT_MUST_CHECK;

/* For the two above. The node of the variable whose handle or reference a
 * value is, -1: it is none. Variables are found by their names: a function
 * gets nodes of its own for them, no arguments, so that it is known whose
 * gradient flows where. */
int ht_raise_variable(ht_graph *g, ht_ref ref);
/* The attribute that names a function. */
ht_status ht_raise_function_attr(ht_arena *arena, const char *name,
                                 const ht_graph *f, ht_attr *out) HT_MUST_CHECK;

#endif
