import { h } from "./dom";

// The controls that panels are made of.

export function button(text: string, title: string, action: () => void, main = false): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: main ? "button main" : "button", title, onclick: action },
    text,
  );
}

/** A button that sends the form it is in. */
export function submit(text: string, title: string): HTMLButtonElement {
  return h("button", { type: "submit", class: "button main", title }, text);
}

/** A button that reads as part of a sentence. */
export function link(text: string, action: () => void, title?: string): HTMLButtonElement {
  return h("button", { type: "button", class: "link", title, onclick: action }, text);
}

/** A name with its control beside it; `id` is the control's. */
export function field(name: string, id: string, ...control: HTMLElement[]): HTMLElement {
  return h("label", { class: "field", for: id }, h("span", {}, name), ...control);
}

/** A name with its control below it. */
export function stacked(name: string, id: string, control: HTMLElement): HTMLElement {
  return h("label", { class: "stacked", for: id }, h("span", {}, name), control);
}

export type Options = readonly (readonly [value: string | number, text: string])[];

/** A list to choose from. */
export function choice(
  id: string,
  value: string | number,
  options: Options,
  set: (value: string) => void = () => {},
): HTMLSelectElement {
  const select = h(
    "select",
    { id, onchange: () => set(select.value) },
    ...options.map(([v, text]) => h("option", { value: v }, text)),
  );
  select.value = String(value);
  return select;
}

/** A box to tick. */
export function tick(on: boolean, set: (on: boolean) => void = () => {}, id?: string): HTMLInputElement {
  const input = h("input", { type: "checkbox", id, onchange: () => set(input.checked) });
  input.checked = on;
  return input;
}

/** A box to tick with what it does beside it. */
export function ticked(input: HTMLInputElement, text: string, title?: string): HTMLElement {
  return h("label", { class: "check", title }, input, h("span", { class: "name" }, text));
}

/** A form that does `action` when it is sent. */
export function form(
  attributes: Record<string, string>,
  action: () => void,
  ...children: HTMLElement[]
): HTMLFormElement {
  const sent = ((event: Event) => {
    event.preventDefault();
    action();
  }) as (event: never) => void;
  return h("form", { ...attributes, onsubmit: sent }, ...children);
}
