"""The comparison as Markdown."""
import statistics
import textwrap


def median_of(items):
    """Medians, number by number, of nested lists and dictionaries of the same shape."""
    first = items[0]
    if isinstance(first, dict):
        return {k: median_of([i[k] for i in items]) for k in first if all(k in i for i in items)}
    if isinstance(first, list):
        return [median_of(list(parts)) for parts in zip(*items)]
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return statistics.median(items)
    return first


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def number(value, decimals=2):
    return "-" if value is None else f"{value:.{decimals}f}"


# The evaluation's columns: heading, group, key, decimals.
COLUMNS = [
    ("nn_10 train", "train", "nn_10", 2),
    ("test", "test", "nn_10", 2),
    ("nn_15 train", "train", "nn_15", 2),
    ("test", "test", "nn_15", 2),
    ("nn_20 train", "train", "nn_20", 2),
    ("test", "test", "nn_20", 2),
    ("boundary_15 train", "train", "boundary_15", 2),
    ("test", "test", "boundary_15", 2),
]
RETURN_COLUMNS = [
    ("PPR train", "train", "ppr", 3),
    ("test", "test", "ppr", 3),
    ("boundary", "boundary", "ppr", 3),
    ("CCR train", "train", "ccr", 3),
    ("test", "test", "ccr", 3),
    ("boundary", "boundary", "ccr", 3),
    ("MSE train", "train", "mse", 4),
    ("test", "test", "mse", 4),
    ("boundary", "boundary", "mse", 4),
]


def quality_rows(methods, epoch, columns):
    rows = []
    for method in methods.values():
        for key, suffix in (("quality", ""), ("encoder_quality", ", encoder alone")):
            for entry in method.get(key, {}).get("epochs", []):
                if entry["epoch"] == epoch:
                    values = [
                        number(entry.get(group, {}).get(name), decimals)
                        for _, group, name, decimals in columns
                    ]
                    if any(v != "-" for v in values):
                        rows.append([method["title"] + suffix] + values)
    return rows


def fit_seconds(method, epoch, besides):
    """Wall seconds of the stages that make the picture, without passes of the subject model."""
    stages = next(e["seconds"] for e in method["epochs"] if e["epoch"] == epoch)
    skip = (
        *besides,
        "boundary_subject",
        "boundary",
        "project all",
        "project new",
        "inverse-project",
        "fit again with all samples",
    )
    fit = sum(s for stage, s in stages.items() if stage not in skip)
    # Of the boundary search what is not inside the subject model counts, where a method tells the two apart.
    own = stages.get("boundary", 0) - stages["boundary_subject"] if "boundary_subject" in stages else 0
    return fit + own, stages


def speed_rows(result):
    rows, besides = [], result["besides"]
    for method in result["methods"].values():
        if "epochs" not in method:
            rows.append([method["title"], "failed: " + method["process"].get("failed", "?")] + ["-"] * 5)
            continue
        epochs = [fit_seconds(method, e, besides) for e in result["epochs"]]
        first, following = epochs[0][0], [e[0] for e in epochs[1:]]
        processor = method["process"]["cpu_seconds"]
        fitted = [sum(e.get("cpu_seconds", {}).values()) for e in method["epochs"]]
        if any(fitted):
            processor = sum(fitted)
        rows.append(
            [
                method["title"],
                number(first),
                number(statistics.mean(following)) if following else "-",
                number(sum(e[1].get("boundary", 0) for e in epochs) / len(epochs)),
                number(sum(sum(s for k, s in e[1].items() if k != "boundary_subject") for e in epochs)),
                number(processor, 1),
                f"{method['process']['peak_mib']:.0f}"
                + (f" ({method['libraries_mib']:.0f})" if "libraries_mib" in method else ""),
            ]
        )
    return rows


def stage_text(result):
    lines = []
    for method in result["methods"].values():
        for entry in method.get("epochs", []):
            stages = ", ".join(f"{k} {v:.2f}" for k, v in entry["seconds"].items())
            processor = entry.get("cpu_seconds")
            more = f"; processor {sum(processor.values()):.1f}" if processor else ""
            steps = f"; {entry['steps']} steps" if "steps" in entry else ""
            lines.append(f"- {method['title']}, epoch {entry['epoch']}: {stages}{more}{steps}")
    return "\n".join(lines) + "\n"


def ratio_text(result):
    methods, besides = result["methods"], result["besides"]
    if "epochs" not in methods.get("dvi", {}):
        return ""
    lines = []
    for name, method in methods.items():
        if name == "dvi" or "epochs" not in method:
            continue
        ratios = [
            fit_seconds(method, e, besides)[0] / fit_seconds(methods["dvi"], e, besides)[0]
            for e in result["epochs"]
        ]
        lines.append(
            [
                method["title"],
                number(ratios[0], 1),
                number(statistics.mean(ratios[1:]), 1) if len(ratios) > 1 else "-",
            ]
        )
    return (
        (
            "Fit seconds of each divided by those of `dvi fit`, same epoch, same run of the bench:\n\n"
            + table(["", "first epoch", "following"], lines)
        )
        if lines
        else ""
    )


def neighbor_text(knn):
    if not knn or "epochs" not in knn:
        return ""
    rows = []
    for e in knn["epochs"]:
        rows += [
            [
                str(e["epoch"]),
                "dvi, exact",
                number(e["dvi"]["seconds"], 3),
                number(e["dvi"]["cpu_seconds"], 3),
                number(e["dvi_recall"], 4),
            ]
        ]
        for name, recall in e["recalls"].items():
            rows.append(
                [
                    str(e["epoch"]),
                    name,
                    number(e["seconds"][name], 3),
                    number(e["cpu_seconds"][name], 3),
                    number(recall, 4),
                ]
            )
    return (
        f"## Nearest neighbours: 15 of {knn['samples']:,} x {knn['dim']}\n\nMedians of three. Recall against "
        "quality.py's own neighbours (distances in double precision).\n\n"
        + table(["epoch", "", "seconds", "processor s", "recall"], rows)
        + "\n"
    )


def check_text(checks):
    if not checks:
        return ""
    worst = {}
    for c in checks:
        scale = max(abs(c["here"]), abs(c["dvi eval"]), 1e-9)
        off = abs(c["here"] - c["dvi eval"]) / scale
        key = (c["group"], c["metric"])
        if key not in worst or off > worst[key][0]:
            worst[key] = (off, c)
    rows = [
        [g, m, number(c["here"], 4), number(c["dvi eval"], 4), f"{100 * off:.2f} %"]
        for (g, m), (off, c) in worst.items()
    ]
    return (
        "## Cross-check\n\n`dvi eval --json` and this bench's own evaluator on the same positions of `dvi fit`: the "
        f"largest disagreement of each number among {len(checks)} compared. (Boundary features are stored in half "
        "precision, hence boundary_15.)\n\n"
        + table(["group", "metric", "here", "dvi eval", "apart"], rows)
        + "\n"
    )


def markdown(result):
    m, s = result["machine"], result["samples"]
    measured = [*result["methods"].values(), result["neighbors"] or {}]
    loads = [x for method in measured for x in flat(method.get("load", []))]
    versions = {}
    for method in measured:
        versions.update(method.get("versions", {}))
    text = f"""# Comparison on {result['run']}

{s['train']:,} train and {s['test']:,} test samples, D {result['dim']}, {result['classes']} classes, epochs \
{', '.join(map(str, result['epochs']))}; judged also on {s['probe']} boundary samples that no method was fitted on.

{m['date']}, revision {result['revision']}. {m['processor']}, {m['cores']} cores ({', '.join(m['instructions'])}; no \
{', '.join(m['absent_instructions']) or 'lack'}), {m['memory_gib']} GiB, {m['system']}; \
{', '.join(f'{k} {v}' for k, v in sorted(versions.items()))}. {len(flat(loads))} readings of the machine's load: \
{min(loads, default=0)} to {max(loads, default=0)} on {m['cores']} cores. {loaded(loads, m['cores'])} {result['note']}

"""
    if result["methods"]:
        text += method_text(result)
    text += neighbor_text(result["neighbors"])
    if result["methods"]:
        text += "## Seconds by stage\n\n" + stage_text(result) + "\n"
    return wrapped(text + check_text(result["cross_check"]))


def method_text(result):
    s = result["samples"]
    text = "## Speed and memory\n\n"
    text += table(
        [
            "",
            "fit, first epoch, s",
            "fit, following, s",
            "boundary samples, s",
            "all stages, all epochs, s",
            "processor s, all epochs",
            "peak MiB (of it libraries)",
        ],
        speed_rows(result),
    )
    text += """
*fit* counts the stages that make the picture (neighbours, complexes, attention, layout, training). It leaves
out passes of the subject model, and what peers do not do: loading, measuring, painting and writing. *boundary
samples* is the search with its passes, mean of an epoch. Peers' numbers leave out imports and compilation. `dvi
fit`'s processor seconds are of the whole process; its neighbours are also those that its metrics need (20
instead of 15, of test samples too).

"""
    text += ratio_text(result) + "\n"
    for epoch in result["epochs"]:
        text += f"## Quality, epoch {epoch}\n\n"
        rows = quality_rows(result["methods"], epoch, COLUMNS)
        text += table([""] + [c[0] for c in COLUMNS], rows) + "\n"
        rows = quality_rows(result["methods"], epoch, RETURN_COLUMNS)
        text += table([""] + [c[0] for c in RETURN_COLUMNS], rows) + "\n"
    chance = 225 / s["probe"] if s["probe"] else 0
    text += f"""boundary_15: chance gives {chance:.2f}. Neighbours are exact and do not count the sample. Those of
test samples are sought among train and test. Round trips (PPR more, CCR and MSE less is better) are
of at most {result["round_trips"]:,} train and as many test samples and of all probes, the same for all.
t-SNE cannot place new samples: nn of train is of a layout of the train samples, everything else of a
layout of all samples together, in which nothing is held out.

"""
    over = [
        [
            method["title"],
            number(q.get("temporal_pearson"), 3),
            number(q.get("tlr"), 3),
            number(q.get("tnn_3"), 2),
        ]
        for method in result["methods"].values()
        if (q := method.get("quality", {}).get("run"))
    ]
    if over:
        text += (
            "## Over time\n\n"
            + table(["", "temporal_pearson", "tlr", "tnn_3"], over)
            + "\nLess temporal_pearson is better; read it from about 6 epochs on (docs/reference/metrics.md).\n\n"
        )
    return text


def wrapped(text, width=120):
    """Prose and lists as wide as all others of the project; tables and headings as they are."""
    blocks = []
    for block in text.split("\n\n"):
        if not block.startswith(("|", "#")):
            items = block.split("\n") if block.startswith("- ") else [" ".join(block.split())]
            block = "\n".join(
                textwrap.fill(item, width, subsequent_indent="  " if item.startswith("- ") else "")
                for item in items
            )
        blocks.append(block)
    return "\n\n".join(blocks).rstrip() + "\n"


def flat(x):
    return [z for y in x for z in flat(y)] if isinstance(x, list) else [x]


def loaded(loads, cores):
    if max(loads, default=0) > 1.5 * cores:
        return (
            "**The machine was busy with other work: wall seconds are too long for everyone; compare processor "
            "seconds and ratios, and take those with caution too.**"
        )
    return "The machine was otherwise idle."
