/**
 * What users drop onto the page or paste into it: pictures as files, everything else as text. Fields that are being
 * written in keep what is pasted.
 */
export function takeIn(
  root: HTMLElement,
  onFiles: (files: File[]) => void,
  onText: (text: string) => void,
): void {
  const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  let depth = 0;
  const mark = (over: boolean) => root.classList.toggle("dropping", over);
  root.addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth++;
    mark(true);
  });
  root.addEventListener("dragleave", (event) => {
    if (holdsFiles(event) && --depth <= 0) mark(false);
  });
  root.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  root.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    mark(false);
    onFiles([...event.dataTransfer!.files]);
  });
  document.addEventListener("paste", (event) => {
    const at = event.target;
    if (at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement) return;
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) onFiles(files);
    else onText(event.clipboardData?.getData("text/plain") ?? "");
  });
}
