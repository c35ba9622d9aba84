import { s } from "./dom";

const paths = {
  play: "M5 3.5v9l7.5-4.5z",
  pause: "M4.5 3.5h2.5v9h-2.5zM9 3.5h2.5v9H9z",
  previous: "M11 3.5v9L5.5 8zM4 3.5v9",
  next: "M5 3.5v9L10.5 8zM12 3.5v9",
  loop: "M3.5 7a4.5 4.5 0 0 1 8-2l1 1M12.5 3v3h-3M12.5 9a4.5 4.5 0 0 1-8 2l-1-1M3.5 13v-3h3",
  findings: "M4 2.5h8v11l-4-2.5-4 2.5z",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9M10.3 10.3L13.5 13.5",
  sample: "M2.5 3h11v10h-11zM2.5 10.5l3-3 3 3 2-2 3 2.5",
  selection: "M2.5 5V2.5H5M11 2.5h2.5V5M13.5 11v2.5H11M5 13.5H2.5V11M6 8l1.5 1.5L10.5 6.5",
  suspects: "M8 2.5l6 10.5H2zM8 6.5v3M8 11.2v.4",
  events: "M2.5 13.5v-4M5.2 13.5v-7M8 13.5v-11M10.8 13.5v-6M13.5 13.5v-3",
  quality: "M2.5 10.5a5.5 5.5 0 0 1 11 0M8 10.5l3-4M2.5 13h11",
  compare: "M2.5 3h4.5v10h-4.5zM9 3h4.5v10H9z",
  add: "M8 2.5l5.5 5.5L8 13.5L2.5 8zM8 6v4M6 8h4",
  export: "M8 2.5v7M5 6.8l3 3 3-3M2.5 10.5v3h11v-3",
  help: "M5.5 6a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.7-.9 1.4M8 12v.3",
  light:
    "M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1",
  dark: "M13 9.6A5.6 5.6 0 0 1 6.4 3A5.6 5.6 0 1 0 13 9.6z",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  pan: "M8 2v12M2 8h12M6.5 3.5L8 2l1.5 1.5M6.5 12.5L8 14l1.5-1.5M3.5 6.5L2 8l1.5 1.5M12.5 6.5L14 8l-1.5 1.5",
  box: "M3 3h10v10H3z",
  lasso: "M8 3c3.5 0 5.5 1.6 5.5 3.8S11.3 10.5 8 10.5 2.5 9 2.5 6.8 4.5 3 8 3M5 10.2c-1.5 1-1 3 .5 3.3",
  legend: "M3 4h2v2H3zM7.5 5h6M3 10h2v2H3zM7.5 11h6",
  close: "M4 4l8 8M12 4l-8 8",
  decode: "M8 2.5v3M8 10.5v3M2.5 8h3M10.5 8h3M8 7.5v1M7.5 8h1",
  undo: "M5.5 3L2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8H6",
  zoomSelection: "M6.5 3a3.5 3.5 0 1 1 0 7a3.5 3.5 0 0 1 0-7M9.2 9.2L13 13M6.5 5v3M5 6.5h3",
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName): SVGSVGElement {
  return s(
    "svg",
    { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" },
    s("path", { d: paths[name], fill: name === "play" || name === "pause" ? "currentColor" : "none" }),
  );
}
