import { App } from "./app";

const app = new App(document.getElementById("app")!);
// The console and the tests reach the page by this name.
(window as unknown as { dvi: App }).dvi = app;
void app.start();
