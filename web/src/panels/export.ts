import type { Exporter } from "../export/exporter";
import type { FilmFormat } from "../export/film";
import type { State } from "../state/store";
import { h, number, percent, replace } from "../ui/dom";
import { download } from "../ui/download";
import { button, choice, field, tick, ticked } from "../ui/form";
import type { Changes, Host, Panel } from "./panel";

/** Takes the picture out of the page: images, films, and a link that restores what is shown. */
export class ExportPanel implements Panel {
  readonly id = "export";
  readonly title = "Export";
  readonly icon = "export" as const;
  readonly element: HTMLElement;

  private readonly scale: HTMLSelectElement;
  private readonly legend: HTMLInputElement;
  private readonly caption: HTMLInputElement;
  private readonly from: HTMLSelectElement;
  private readonly to: HTMLSelectElement;
  private readonly speed: HTMLSelectElement;
  private readonly progress = h("div", { class: "film-progress", hidden: true });
  private readonly link: HTMLInputElement;
  private filming = false;
  private stop = false;

  constructor(
    private readonly host: Host,
    private readonly exporter: Exporter,
  ) {
    this.scale = choice("export-scale", 2, [
      [1, "as on screen"],
      [2, "twice"],
      [4, "four times"],
    ]);
    this.legend = tick(true);
    this.caption = tick(true);
    this.from = choice("film-from", "", []);
    this.to = choice("film-to", "", []);
    this.to.setAttribute("aria-label", "Last epoch");
    this.speed = choice(
      "film-speed",
      2,
      [0.5, 1, 2, 4].map((v) => [v, String(v)] as const),
    );
    this.link = h("input", {
      type: "text",
      readonly: true,
      "aria-label": "Link to what is shown",
      onfocus: () => this.showLink(),
    });
    this.element = h(
      "div",
      { class: "panel export" },
      ...this.pictureSection(),
      ...this.filmSection(),
      ...this.linkSection(),
      ...this.offlineSection(),
      ...this.samplesSection(),
    );
  }

  private pictureSection(): HTMLElement[] {
    return [
      h("h3", {}, "Picture"),
      field("Size", "export-scale", this.scale),
      ticked(this.legend, "with legend"),
      ticked(this.caption, "with run and epoch"),
      h(
        "div",
        { class: "row" },
        button("PNG", "Saves the scene as an image", () => void this.png()),
        button("SVG", "Saves the scene as vectors", () => this.svg()),
      ),
    ];
  }

  private filmSection(): HTMLElement[] {
    const film = (name: string, format: FilmFormat, title = "A film of these epochs") =>
      button(name, title, () => void this.film(format));
    return [
      h("h3", {}, "Film"),
      h(
        "div",
        { class: "field" },
        h("label", { for: "film-from" }, "Epochs"),
        h("div", { class: "pair" }, this.from, h("span", { class: "caption" }, "to"), this.to),
      ),
      field("Epochs a second", "film-speed", this.speed),
      h(
        "div",
        { class: "row" },
        film("MP4", "mp4"),
        film("WebM", "webm"),
        film("GIF", "gif", "A film that plays everywhere; larger and of 256 colours"),
      ),
      this.progress,
    ];
  }

  private linkSection(): HTMLElement[] {
    return [
      h("h3", {}, "Link"),
      h(
        "p",
        { class: "hint" },
        "Restores epoch, camera, colours, filter, selection and what is open, for whoever reaches this server.",
      ),
      h(
        "div",
        { class: "row" },
        this.link,
        button("Copy", "Copies the link", () => this.copyLink()),
      ),
    ];
  }

  private offlineSection(): HTMLElement[] {
    return [
      h("h3", {}, "Offline copy"),
      h(
        "p",
        { class: "hint" },
        "One HTML file with this view's epochs that opens without a server. Neighbours in feature space and films are left out; images of up to 2,000 samples, the selected ones first.",
      ),
      h(
        "div",
        { class: "row" },
        button("HTML file", "Saves the page and its data as one file", () => void this.offline()),
      ),
    ];
  }

  private samplesSection(): HTMLElement[] {
    const go = () => this.host.show("selection");
    return [
      h("h3", {}, "Samples"),
      h("p", { class: "hint" }, "The selected samples are exported as CSV or JSON from the Select panel."),
      h("div", { class: "row" }, button("Go to Select", "Opens the Select panel", go)),
    ];
  }

  private copyLink(): void {
    this.showLink();
    this.link.select();
    navigator.clipboard?.writeText(this.link.value).then(
      () => this.host.say("The link is copied."),
      () => this.host.say("The browser did not allow copying; the link is marked, press Ctrl+C."),
    );
  }

  update(state: State, changes: Changes): void {
    const { data } = this.host;
    if (!data) return;
    if (changes.has("data") || changes.has("range")) {
      const options = () => data.fitted.map((e, k) => h("option", { value: k }, String(e)));
      replace(this.from, ...options());
      replace(this.to, ...options());
      this.from.value = String(Math.ceil(state.range?.[0] ?? 0));
      this.to.value = String(Math.floor(state.range?.[1] ?? data.fitted.length - 1));
    }
    this.showLink();
  }

  /** Panels are not told of the time alone while it runs: whoever takes the link gets it as it is then. */
  private showLink(): void {
    this.link.value = `${location.origin}${location.pathname}#${this.host.hash()}`;
  }

  private options(scale: number) {
    return { scale, legend: this.legend.checked, caption: this.caption.checked };
  }

  private name(extension: string): string {
    const { data } = this.host;
    return `${data?.run.name ?? "dvi"}-epoch-${this.host.epoch}.${extension}`.replace(/[^\w.-]+/g, "-");
  }

  private async png(): Promise<void> {
    try {
      download(this.name("png"), await this.exporter.png(this.options(Number(this.scale.value))));
    } catch (error) {
      this.host.say((error as Error).message, "error");
    }
  }

  private svg(): void {
    const { blob, limit, tooMany } = this.exporter.svg();
    download(this.name("svg"), blob);
    if (tooMany)
      this.host.say(
        `An SVG holds at most ${number(limit)} points; zoom in, filter, or save a PNG for all of them.`,
      );
  }

  private async offline(): Promise<void> {
    const { data } = this.host;
    if (!data) return;
    this.host.say("Collecting the epochs …");
    try {
      const blob = await this.exporter.offlineCopy(this.host.hash());
      download(`${data.run.name}.html`.replace(/[^\w.-]+/g, "-"), blob);
      this.host.say(`The copy is made: ${number(blob.size / 1e6, 1)} MB.`);
    } catch (error) {
      this.host.say((error as Error).message, "error");
    }
  }

  private async film(format: FilmFormat): Promise<void> {
    if (this.filming) return this.host.say("A film is being made already.");
    const from = Number(this.from.value);
    const to = Number(this.to.value);
    if (to <= from) return this.host.say("Choose a later epoch to end with.");
    this.filming = true;
    this.stop = false;
    const text = h("span", {}, "Loading …");
    const fill = h("span", { class: "fill" });
    replace(
      this.progress,
      h("span", { class: "track" }, fill),
      text,
      h("button", { type: "button", class: "link", onclick: () => (this.stop = true) }, "Cancel"),
    );
    this.progress.hidden = false;
    try {
      const blob = await this.exporter.film({
        format,
        from,
        to,
        speed: Number(this.speed.value),
        picture: this.options(format === "gif" ? 1 : Math.min(2, Number(this.scale.value))),
        onProgress: (share) => {
          fill.style.width = `${share * 100}%`;
          text.textContent = percent(share, 0);
        },
        cancelled: () => this.stop,
      });
      download(`${this.host.data?.run.name ?? "dvi"}.${format}`, blob);
      this.host.say(`The ${format.toUpperCase()} is made: ${number(blob.size / 1e6, 1)} MB.`);
    } catch (error) {
      this.host.say((error as Error).message, this.stop ? "info" : "error");
    }
    this.filming = false;
    this.progress.hidden = true;
  }
}
