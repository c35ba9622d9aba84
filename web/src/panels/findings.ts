import { classColor, css } from "../color/palette";
import type { Finding } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { State } from "../state/store";
import { h, number, replace } from "../ui/dom";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import type { Changes, Host, Panel } from "./panel";

/** What the kinds are called, and whether something went wrong rather than being worth a look. */
const kinds: Record<string, { name: string; fault: boolean }> = {
  memorisation: { name: "Memorisation", fault: true },
  label_noise: { name: "Wrong labels", fault: true },
  trade_off: { name: "Trade-off", fault: true },
  forgetting: { name: "Forgetting", fault: true },
  label_conflict: { name: "Label conflict", fault: true },
  overfitting: { name: "Overfitting", fault: true },
  outlier: { name: "Outliers", fault: true },
  moved_boundary: { name: "Boundary moved", fault: false },
  collapse: { name: "Collapse", fault: false },
  late_class: { name: "Late class", fault: false },
  confusion: { name: "Confusion", fault: false },
  territory_shift: { name: "Territory", fault: false },
  unstable: { name: "Unstable", fault: false },
};

const storageKey = "dvi.dismissed-findings";
const shownSamples = 7;

/** Names a finding for as long as it is the same one: its kind, where it began, and its classes. */
export function findingKey(finding: Pick<Finding, "kind" | "from" | "classes">): string {
  return `${finding.kind}@${finding.from}:${finding.classes.join("+")}`;
}

/** The epoch and colouring of a finding's scene, out of its link. */
export function sceneOf(finding: Pick<Finding, "link" | "to">): { epoch: number; color: string } {
  const link = new URLSearchParams(finding.link.replace(/^#/, ""));
  const epoch = link.get("epoch");
  return { epoch: epoch === null ? finding.to : Number(epoch), color: link.get("color") ?? "label" };
}

/** "epoch 7", "epochs 3 – 7"; `name` tells what the user calls an epoch. */
export function epochsText(
  { from, to }: Pick<Finding, "from" | "to">,
  name: (epoch: number) => string = String,
): string {
  return from === to ? `epoch ${name(to)}` : `epochs ${name(from)} – ${name(to)}`;
}

/** What happened in the run, the most important first. A click shows an entry's scene. Known ones can be dismissed. */
export class FindingsPanel implements Panel {
  readonly id = "findings";
  readonly title = "Findings";
  readonly icon = "findings" as const;
  readonly element = h("div", { class: "panel findings" });
  private readonly note = h("p", { class: "hint" });
  private readonly rows = h("div", { class: "finding-list", role: "list" });
  private list: readonly Finding[] = [];
  private loaded = "";
  private current = "";
  private showDismissed = false;

  constructor(private readonly host: Host) {
    this.element.append(h("h3", {}, "What happened"), this.note, this.rows);
  }

  update(_state: State, _changes: Changes): void {
    const { data, api } = this.host;
    if (!data) return;
    const key = `${data.key}/${data.fitted.length}`;
    if (key === this.loaded || data.fitted.length === 0) return;
    this.loaded = key;
    this.note.textContent = "Looking at the run …";
    api.findings(data.runId, data.viewName).then(
      ({ findings }) => {
        if (this.loaded !== key) return;
        this.list = findings;
        this.show(data);
      },
      (error: Error) => {
        if (this.loaded !== key) return;
        this.note.textContent = "";
        replace(this.rows, h("p", { class: "problem" }, error.message));
      },
    );
  }

  private show(data: Dataset): void {
    const dismissed = this.dismissed(data);
    const hidden = this.list.filter((f) => dismissed.has(findingKey(f)));
    const shown = this.showDismissed ? this.list : this.list.filter((f) => !dismissed.has(findingKey(f)));
    const first = data.epochName(data.fitted[0] ?? 0);
    const last = data.epochName(data.fitted.at(-1) ?? 0);
    replace(
      this.note,
      this.list.length === 0
        ? `Nothing stands out in epochs ${first} to ${last}.`
        : `${number(shown.length)} in epochs ${first} to ${last}, the most important first. `,
      hidden.length > 0 &&
        h(
          "button",
          {
            type: "button",
            class: "link",
            onclick: () => {
              this.showDismissed = !this.showDismissed;
              this.show(data);
            },
          },
          this.showDismissed ? "Hide dismissed" : `Show ${number(hidden.length)} dismissed`,
        ),
    );
    replace(this.rows, ...shown.map((f) => this.row(data, f, dismissed.has(findingKey(f)))));
  }

  private row(data: Dataset, finding: Finding, dismissed: boolean): HTMLElement {
    const kind = kinds[finding.kind] ?? { name: finding.kind, fault: false };
    const key = findingKey(finding);
    const few = finding.samples.slice(0, shownSamples);
    return h(
      "article",
      {
        class: `finding${kind.fault ? " fault" : ""}${dismissed ? " dismissed" : ""}${this.current === key ? " focused" : ""}`,
        role: "listitem",
      },
      h(
        "div",
        { class: "finding-head" },
        h("span", { class: "finding-kind" }, kind.name),
        h(
          "span",
          { class: "caption" },
          epochsText(finding, (e) => data.epochName(e)),
        ),
        h("span", { class: "spring" }),
        h(
          "button",
          {
            type: "button",
            class: "link",
            title: dismissed ? "Lists it again" : "Takes it off the list, in this browser",
            onclick: () => this.dismiss(data, key, !dismissed),
          },
          dismissed ? "Restore" : "Dismiss",
        ),
      ),
      h(
        "button",
        {
          type: "button",
          class: "finding-text",
          title: "Show the scene",
          onclick: () => this.open(data, finding),
        },
        finding.text,
      ),
      h(
        "div",
        { class: "finding-what" },
        ...finding.classes.slice(0, 4).map((c) => classChip(data, c)),
        finding.samples.length > 0 &&
          h("span", { class: "caption" }, `${number(finding.samples.length)} samples`),
      ),
      few.length > 0 &&
        h("div", { class: "finding-samples" }, ...few.map((id, i) => this.sample(data, finding, few, id, i))),
    );
  }

  private sample(
    data: Dataset,
    finding: Finding,
    ids: readonly number[],
    id: number,
    index: number,
  ): HTMLElement {
    const label = data.labels[id] ?? -1;
    const swatch = label >= 0 && h("span", { class: "swatch" });
    if (swatch) swatch.style.backgroundColor = css(classColor(label, data.classes.length));
    return h(
      "button",
      {
        type: "button",
        class: "finding-sample",
        title: `Sample #${id}${label >= 0 ? `, labelled ${data.className(label)}` : ""}`,
        "aria-label": `Sample ${id}`,
        onclick: () => {
          this.host.picture.point(-1); // the row goes away before the pointer leaves it
          this.host.goToEpoch(sceneOf(finding).epoch);
          this.host.store.set({ focus: id, panel: "sample" });
        },
        onpointerenter: () => this.host.picture.point(id),
        onpointerleave: () => this.host.picture.point(-1),
      },
      listThumbnail(this.host.api, data, ids, index, 30) ?? h("span", { class: "id" }, `#${id}`),
      swatch,
    );
  }

  /** The scene: its epoch, its colours, its samples selected, and the whole picture. */
  private open(data: Dataset, finding: Finding): void {
    const { epoch, color } = sceneOf(finding);
    this.current = findingKey(finding);
    this.host.goToEpoch(epoch);
    this.host.store.set({ colorBy: color, camera: null, filter: "", shown: null, solo: [], focus: -1 });
    this.host.select(
      finding.samples.filter((id) => id < data.count),
      "replace",
    );
    this.show(data);
  }

  private dismissed(data: Dataset): Set<string> {
    try {
      const all = JSON.parse(localStorage.getItem(storageKey) ?? "{}") as Record<string, string[]>;
      return new Set(all[`${data.run.name}/${data.viewName}`] ?? []);
    } catch {
      return new Set();
    }
  }

  private dismiss(data: Dataset, key: string, away: boolean): void {
    const set = this.dismissed(data);
    if (away) set.add(key);
    else set.delete(key);
    try {
      const all = JSON.parse(localStorage.getItem(storageKey) ?? "{}") as Record<string, string[]>;
      all[`${data.run.name}/${data.viewName}`] = [...set];
      localStorage.setItem(storageKey, JSON.stringify(all));
    } catch {
      this.host.say("This browser keeps nothing, so it will be listed again.", "error");
    }
    this.show(data);
  }
}
