// The page as a widget in a notebook, by the anywidget protocol: an ES module that the notebook's own program loads.
// It only frames the page: what is shared with Python goes through the server (data/session.ts).

import type { AnyWidget } from "@anywidget/types";

/** Traits of the Python half (python/dvi/widget.py). */
interface Traits {
  /** The page's, with the session and, where the server wants one, the token. */
  address: string;
  width: string;
  height: string;
}

/** Milliseconds until a page that has not said that it is there counts as out of reach. */
const patience = 15_000;

const widget: AnyWidget<Traits> = {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "DeepVisualInsight";
    frame.style.border = "none";
    const missing = document.createElement("p");
    missing.setAttribute("role", "alert");
    missing.hidden = true;
    el.append(frame, missing);

    let timer = 0;
    const size = () => {
      frame.style.width = model.get("width");
      frame.style.height = model.get("height");
    };
    const show = () => {
      const address = model.get("address");
      frame.src = address;
      missing.hidden = true;
      missing.textContent =
        `The page does not answer at ${new URL(address, location.href).href.split("?")[0]}. ` +
        "If the notebook runs on another machine than this browser, tell dvi.show where its proxy is: " +
        'dvi.show(run, proxy="/prefix/{port}/").';
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        missing.hidden = false;
      }, patience);
    };
    const hear = (event: MessageEvent) => {
      if (event.source !== frame.contentWindow || event.data !== "dvi: here") return;
      clearTimeout(timer);
      missing.hidden = true;
    };
    window.addEventListener("message", hear);
    model.on("change:address", show);
    model.on("change:width", size);
    model.on("change:height", size);
    size();
    show();
    return () => {
      clearTimeout(timer);
      window.removeEventListener("message", hear);
      model.off("change:address", show);
      model.off("change:width", size);
      model.off("change:height", size);
    };
  },
};

export default widget;
