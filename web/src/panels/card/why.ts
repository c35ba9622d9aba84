import { classColor, css } from "../../color/palette";
import type { Card, Pusher, Why } from "../../data/api";
import type { Dataset } from "../../data/dataset";
import { h, number, percent, replace } from "../../ui/dom";
import { listThumbnail } from "../../ui/sample-row";
import { classChip } from "../../ui/tooltip";
import type { Host } from "../panel";

/** The epochs around the change of prediction nearest to `now`; null where the prediction never changes. */
export function nearestChange(history: Card["history"], now: number): { from: number; to: number } | null {
  let best: { from: number; to: number } | null = null;
  const distance = (to: number) => Math.abs(to - now) + (to > now ? 0.5 : 0);
  for (let k = 1; k < history.epochs.length; ++k) {
    if (history.predictions[k] === history.predictions[k - 1]) continue;
    const to = history.epochs[k]!;
    if (!best || distance(to) < distance(best.to)) best = { from: history.epochs[k - 1]!, to };
  }
  return best;
}

/** How far to believe an answer, in a sentence. */
export function reliability(why: Why): string {
  if (!why.known) return `Not known: ${why.doubt}.`;
  let heads = "";
  if (why.explained === 0)
    heads = " The change itself came with the sample's features, not with the last layer.";
  else if (why.explained !== null)
    heads = ` The last layer's own movement accounts for ${percent(why.explained, 0)} of the change, the sample's features for the rest.`;
  return `At this step the pushes name the right direction for ${percent(why.hit_rate ?? 0, 0)} of the ${number(why.flips)} held-out samples that flipped.${heads}`;
}

/** Why a sample changed: the training samples that pushed it, and those that held it back. */
export class WhyView {
  readonly element = h("div", { class: "why" });
  /** Strongest pushers of the answer shown, for lines in the picture. */
  ids: readonly number[] = [];
  private wanted = "";

  constructor(
    private readonly host: Host,
    private readonly onAnswer: () => void,
  ) {}

  show(data: Dataset, card: Card, interval: { from: number; to: number } | null): void {
    const chosen = interval ?? nearestChange(card.history, this.host.epoch);
    const key = `${data.key}/${card.id}/${chosen?.from}-${chosen?.to}`;
    if (key === this.wanted) return;
    this.wanted = key;
    this.ids = [];
    this.onAnswer();
    if (!chosen) {
      replace(
        this.element,
        h("p", { class: "hint" }, "Its prediction never changed, so there is no change to explain."),
      );
      return;
    }
    replace(this.element, h("p", { class: "hint" }, "Looking for the samples that pushed it …"));
    this.host.api.why(data.runId, card.id, chosen.from, chosen.to).then(
      (why) => {
        if (this.wanted !== key) return;
        this.ids = why.known ? why.pushers.slice(0, 10).map((p) => p.id) : [];
        this.fill(data, card, why);
        this.onAnswer();
      },
      (error: Error) => {
        if (this.wanted === key) replace(this.element, h("p", { class: "problem" }, error.message));
      },
    );
  }

  private fill(data: Dataset, card: Card, why: Why): void {
    const changes = card.history.epochs.flatMap((to, k) =>
      k > 0 && card.history.predictions[k] !== card.history.predictions[k - 1]
        ? [{ from: card.history.epochs[k - 1]!, to }]
        : [],
    );
    replace(
      this.element,
      changes.length > 1 &&
        h(
          "div",
          { class: "why-changes", role: "group", "aria-label": "Change to explain" },
          ...changes.map((c) =>
            h(
              "button",
              {
                type: "button",
                class: "toggle",
                "aria-pressed": String(c.to === why.to),
                onclick: () => {
                  this.host.goToEpoch(c.to);
                  this.show(data, card, c);
                },
              },
              `${data.epochName(c.from)} → ${data.epochName(c.to)}`,
            ),
          ),
        ),
      h(
        "p",
        { class: "why-change" },
        `Epoch ${data.epochName(why.from)} → ${data.epochName(why.to)}: `,
        classChip(data, why.from_class),
        " → ",
        classChip(data, why.to_class),
      ),
      h("p", { class: why.known ? "hint" : "hint doubt" }, reliability(why)),
      ...this.pushers(data, `Pushed it towards ${data.className(why.to_class)}`, why.pushers),
      ...this.pushers(data, `Held it at ${data.className(why.from_class)}`, why.against),
      h(
        "div",
        { class: "row" },
        h(
          "button",
          {
            type: "button",
            class: "link",
            onclick: () =>
              this.host.select(
                why.pushers.map((p) => p.id),
                "replace",
              ),
          },
          `Select the ${why.pushers.length} strongest`,
        ),
      ),
    );
  }

  private pushers(data: Dataset, title: string, list: readonly Pusher[]): HTMLElement[] {
    if (list.length === 0) return [];
    const few = list.slice(0, 10);
    const ids = few.map((p) => p.id);
    const most = few[0]!.share;
    return [
      h("h4", {}, title),
      h(
        "div",
        { class: "pusher-list", role: "list" },
        ...few.map((p, i) => {
          const fill = h("span", { class: "fill" });
          fill.style.width = `${Math.max(2, (100 * p.share) / most)}%`;
          fill.style.backgroundColor = css(classColor(Math.max(0, p.label ?? 0), data.classes.length));
          return h(
            "button",
            {
              type: "button",
              class: "pusher",
              role: "listitem",
              title: `Sample #${p.id}: ${percent(p.share, 2)} of all push in this direction`,
              onclick: () => {
                this.host.picture.point(-1); // the row goes away before the pointer leaves it
                this.host.focus(p.id);
              },
              onpointerenter: () => this.host.picture.point(p.id),
              onpointerleave: () => this.host.picture.point(-1),
            },
            listThumbnail(this.host.api, data, ids, i, 28) ?? h("span", { class: "id" }, `#${p.id}`),
            h(
              "span",
              { class: "pusher-what" },
              h(
                "span",
                { class: "pusher-label" },
                p.label !== null && classChip(data, p.label),
                p.label !== null &&
                  p.prediction !== p.label &&
                  h("span", { class: "caption" }, `taken for ${data.className(p.prediction)}`),
              ),
              h("span", { class: "track" }, fill),
            ),
            h("span", { class: "value" }, percent(p.share, 1)),
          );
        }),
      ),
    ];
  }
}
