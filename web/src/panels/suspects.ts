import type { Suspect } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { State } from "../state/store";
import { h, number, replace } from "../ui/dom";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import type { Changes, Host, Panel } from "./panel";

/** Saved selections of the run that hold what was judged: a reload, another page or a script finds them there. */
const kept = { accepted: "suspects-accepted", rejected: "suspects-rejected" } as const;

interface Judged {
  accepted: number[];
  rejected: number[];
}

/**
 * Samples worth a look, ranked by the server, each with its reason; accepting or rejecting one ranks the
 * rest again.
 */
export class SuspectsPanel implements Panel {
  readonly id = "suspects";
  readonly title = "Suspects";
  readonly icon = "suspects" as const;
  readonly element = h("div", { class: "panel suspects" });
  private readonly note = h("p", { class: "hint" });
  private readonly rows = h("div", { class: "suspect-list", role: "list" });
  private list: Suspect[] = [];
  private loaded = "";
  private judged: Judged = { accepted: [], rejected: [] };
  private judging: Promise<void> = Promise.resolve();

  constructor(private readonly host: Host) {
    const link = (text: string, title: string, action: () => void) =>
      h("button", { type: "button", class: "link", title, onclick: action }, text);
    this.element.append(
      h(
        "div",
        { class: "row" },
        h("h3", {}, "Worth a look"),
        h("span", { class: "spring" }),
        link("Select all", "Selects the samples listed", () =>
          host.select(
            this.list.map((x) => x.id),
            "replace",
          ),
        ),
      ),
      this.note,
      this.rows,
    );
  }

  update(_state: State, changes: Changes): void {
    const { data } = this.host;
    if (!data) return;
    const key = `${data.key}/${data.fitted.length}`;
    if (key !== this.loaded) {
      this.loaded = key;
      this.load(data, key).catch((error: Error) => {
        if (this.loaded === key) replace(this.rows, h("p", { class: "problem" }, error.message));
      });
    } else if (changes.has("focus")) this.mark();
  }

  private async load(data: Dataset, key: string): Promise<void> {
    const { api } = this.host;
    const judged = await this.readJudged(data);
    const { accepted, rejected } = judged;
    const answer =
      accepted.length + rejected.length
        ? await api.judgeSuspects(data.runId, data.viewName, accepted, rejected)
        : await api.suspects(data.runId, data.viewName, 100);
    if (this.loaded !== key) return;
    this.judged = judged;
    this.show(answer.suspects, answer.method);
  }

  private async readJudged(data: Dataset): Promise<Judged> {
    const { selections } = await this.host.api.selections(data.runId);
    const ids = (name: string) => [...(selections.find((x) => x.name === name)?.ids ?? [])];
    return { accepted: ids(kept.accepted), rejected: ids(kept.rejected) };
  }

  private mark(): void {
    for (const row of this.rows.children)
      row.classList.toggle(
        "focused",
        (row as HTMLElement).dataset.id === String(this.host.store.state.focus),
      );
  }

  /** One after the other: each judgement adds to what those before it have saved. */
  private judge(suspect: Suspect, accept: boolean): void {
    this.judging = this.judging.then(() => this.keep(suspect, accept));
  }

  private async keep(suspect: Suspect, accept: boolean): Promise<void> {
    const { data, api } = this.host;
    if (!data) return;
    try {
      // Read again first: the selections may have been changed or deleted beside this panel.
      const judged = await this.readJudged(data);
      const side = accept ? "accepted" : "rejected";
      judged[side].push(suspect.id);
      await api.saveSelection(data.runId, kept[side], judged[side]);
      this.judged = judged;
      const answer = await api.judgeSuspects(data.runId, data.viewName, judged.accepted, judged.rejected);
      this.show(answer.suspects, answer.method);
      const next = this.rows.querySelector<HTMLElement>("button.accept");
      next?.focus();
    } catch (error) {
      this.host.say((error as Error).message, "error");
    }
  }

  private show(list: Suspect[], method: string): void {
    const { data, api } = this.host;
    if (!data) return;
    this.list = list;
    const { accepted, rejected } = this.judged;
    const told = `${number(accepted.length)} accepted, ${number(rejected.length)} rejected, kept as saved selections. `;
    this.note.textContent = `${accepted.length + rejected.length ? told : ""}${method}`;
    const ids = list.map((x) => x.id);
    const predictions = this.host.picture.epochData?.predictions;
    replace(
      this.rows,
      list.length === 0 && h("p", { class: "hint" }, "Nothing looks suspicious in this run."),
      ...list.map((x, i) =>
        h(
          "div",
          {
            class: "suspect",
            role: "listitem",
            "data-id": x.id,
            onpointerenter: () => this.host.picture.point(x.id),
            onpointerleave: () => this.host.picture.point(-1),
          },
          h(
            "button",
            {
              type: "button",
              class: "suspect-main",
              onclick: () => this.host.focus(x.id),
              title: Object.entries(x.scores)
                .map(([k, v]) => `${k.replaceAll("_", " ")} ${number(v, 3)}`)
                .join("\n"),
            },
            listThumbnail(api, data, ids, i, 36),
            h(
              "span",
              { class: "suspect-text" },
              h(
                "span",
                { class: "line" },
                h("b", {}, `#${x.id}`),
                classChip(data, data.labels[x.id]!),
                predictions && predictions[x.id] !== data.labels[x.id] && h("span", { class: "arrow" }, "→"),
                predictions && predictions[x.id] !== data.labels[x.id] && classChip(data, predictions[x.id]!),
              ),
              h(
                "span",
                { class: "hint" },
                h("span", { class: `badge ${/label/.test(x.kind) ? "wrong" : ""}` }, x.kind),
                ` ${x.reason}`,
              ),
            ),
          ),
          h(
            "span",
            { class: "judge" },
            h(
              "button",
              {
                type: "button",
                class: "tool accept",
                title: "Accept: it is a problem",
                "aria-label": `Accept ${x.id}`,
                onclick: () => this.judge(x, true),
              },
              "✓",
            ),
            h(
              "button",
              {
                type: "button",
                class: "tool reject",
                title: "Reject: it is fine",
                "aria-label": `Reject ${x.id}`,
                onclick: () => this.judge(x, false),
              },
              "✕",
            ),
          ),
        ),
      ),
    );
    this.mark();
  }
}
