"""How far two results may be apart, and messages where they are further."""
import numpy as np

FURTHEST = [0.0]  # relative difference seen since it was last taken


def note(relative):
    FURTHEST[0] = max(FURTHEST[0], float(relative))


def taken():
    """The largest difference noted since the last time, which starts anew."""
    found, FURTHEST[0] = FURTHEST[0], 0.0
    return found


def text_array(a):
    a = np.asarray(a)
    if a.dtype.kind not in "OSU":
        return a
    return np.array([x if isinstance(x, bytes) else str(x).encode()
                     for x in a.ravel()], object).reshape(a.shape)


def value(name, got, wanted, bound):
    """Floats: the largest difference against the largest value."""
    got, wanted = text_array(got), text_array(wanted)
    if got.shape != wanted.shape:
        return ["'%s' has shape %s, wanted %s" % (name, got.shape,
                                                  wanted.shape)]
    if wanted.dtype.kind not in "fc":
        same = np.array_equal(got, wanted)
        return [] if same else ["'%s' is %s, wanted %s" % (
            name, got.ravel()[:4], wanted.ravel()[:4])]
    if not wanted.size:
        return []
    finite = np.isfinite(wanted)
    if not np.array_equal(finite, np.isfinite(got)):
        return ["'%s' is finite elsewhere" % name]
    g, w = got[finite].astype("d"), wanted[finite].astype("d")
    worst = np.abs(g - w).max() if w.size else 0.0
    limit = bound * np.abs(w).max() if w.size else 0.0
    return [] if worst <= limit else [
        "'%s' differs by %.3g, allowed %.3g" % (name, worst, limit)]


def relative(got, wanted):
    """The largest difference of finite values against the largest of them."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if wanted.dtype.kind not in "fc" or got.shape != wanted.shape:
        return 0.0
    finite = np.isfinite(wanted) & np.isfinite(got)
    g, w = got[finite].astype("d"), wanted[finite].astype("d")
    return np.abs(g - w).max() / np.abs(w).max() if np.any(w) else 0.0


# Two draws of the same rounding: one is rarely more than that of the other.
DRAWS = 3


def bounds(wanted, exact, bound):
    """Per name, where double is known: as the bound says, or within DRAWS
    times of how far TensorFlow's floats are from it."""
    return {k: max(bound, DRAWS * distance(wanted[k], exact[k]))
            for k in exact}


def distance(a, b):
    """The larger of what `value` and `gradients` measure."""
    a, b = np.asarray(a), np.asarray(b)
    if b.dtype.kind != "f" or not np.any(b):
        return 0.0
    far = a.astype("d") - b
    return max(np.abs(far).max() / np.abs(b).max(),
               np.linalg.norm(far) / np.linalg.norm(b))


def together(got, wanted, exact, bound):
    """Everything that got and wanted have, as one vector: how far it is from
    double, against bound or DRAWS times how far wanted is."""
    if sorted(got) != sorted(exact):
        return ["there are %s, wanted %s" % (sorted(got), sorted(exact))]
    a, b, c = (np.concatenate([np.ravel(x[k]).astype("d") for k in
                               sorted(exact)]) for x in (got, wanted, exact))
    ours, theirs = (np.linalg.norm(x - c) / np.linalg.norm(c) for x in (a, b))
    note(ours)
    return [] if ours <= max(bound, DRAWS * theirs) else [
        "all together differ by %.3g, TensorFlow's by %.3g" % (ours, theirs)]


def limit(bound, k):
    return bound[k] if isinstance(bound, dict) else bound


def values(got, wanted, bound):
    found = ["'%s' is missing" % k for k in wanted if k not in got]
    found += ["'%s' is too many" % k for k in got if k not in wanted]
    for k in wanted:
        if k in got:
            found += value(k, got[k], wanted[k], limit(bound, k))
            note(relative(got[k], wanted[k]))
    return found


def gradients(got, wanted, bound=1e-4):
    """Relative L2 per variable; tiny against the largest must be tiny."""
    norms = {k: np.linalg.norm(v.astype("d")) for k, v in wanted.items()}
    floor = 1e-6 * max(norms.values(), default=0.0)
    found = ["'%s' is too many" % k for k in got if k not in wanted]
    for k, w in wanted.items():
        if k not in got:
            found.append("'%s' is missing" % k)
            continue
        g, w = got[k].astype("d"), w.astype("d")
        if g.shape != w.shape:
            found.append("'%s' has shape %s, wanted %s" % (k, g.shape,
                                                           w.shape))
        elif norms[k] <= floor:
            if np.linalg.norm(g) > max(floor, 1e-30):
                found.append("'%s' is %.3g, wanted less than %.3g" % (
                    k, np.linalg.norm(g), floor))
        else:
            far = np.linalg.norm(g - w) / norms[k]
            note(far)
            if far > bound:
                found.append("'%s' differs by %.3g" % (k, far))
    return found
