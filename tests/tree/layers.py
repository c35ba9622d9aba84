"""Which file uses which, compared with a list of layers."""


def faults(uses, layer_of, allowed):
    """Sentences about what breaks the rules.

    uses: {file: files it uses}, of this project only. layer_of(file): its layer. allowed: {layer: layers it
    may use}, in order from the lowest; a layer may always use itself.
    """
    found = []
    order = list(allowed)
    for layer, used in allowed.items():
        for other in used:
            if other not in order or order.index(other) >= order.index(layer):
                found.append(f"the list lets {layer} use {other}, which does not stand above it")
    for file, targets in sorted(uses.items()):
        layer = layer_of(file)
        if layer not in allowed:
            found.append(f"{file}: its layer, {layer}, is not in the list")
            continue
        for target in sorted(targets):
            if layer_of(target) != layer and layer_of(target) not in allowed[layer]:
                found.append(
                    f"{file} uses {target}; the layer {layer} may use {', '.join(allowed[layer]) or 'none'}"
                )
    return found + [f"a circle: {' -> '.join(circle)}" for circle in circles(uses)]


def circles(uses):
    """Circles of files that use each other, each as a list that ends where it begins."""
    found, state = [], {}

    def visit(file, path):
        state[file] = "open"
        for target in sorted(uses.get(file, ())):
            if state.get(target) == "open":
                found.append(path[path.index(target) :] + [target])
            elif target not in state:
                visit(target, path + [target])
        state[file] = "done"

    for file in sorted(uses):
        if file not in state:
            visit(file, [file])
    return found
