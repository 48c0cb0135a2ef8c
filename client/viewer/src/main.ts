// SPDX-License-Identifier: AGPL-3.0-or-later
// Puts the parts together: what is open, what a person does, what is shown.

import "./style.css";
import * as api from "./api";
import { asCsv, asJson, asPicture, download } from "./exports";
import { icon, type IconName } from "./icons";
import { RoomList } from "./list";
import * as rooms from "./rooms";
import { Stage } from "./stage";

const NUDGE_PX = 1;
const NUDGE_FAR_PX = 10;
const BINS = 38;
const TOAST_MS = 6000;

/** One page, from when it is opened first. */
interface Page {
  plan: api.PlanDocument;
  page: number;
  history: rooms.History;
  /** null until something was tried. */
  state: "new" | "finding" | "found" | "saved" | "failed";
  error: api.RequestError | null;
  /** When the server was asked, in milliseconds. */
  since: number;
}

const get = <T extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as T;
const button = (id: string) => get<HTMLButtonElement>(id);
const layer = (id: string) => get<HTMLInputElement>(`layer-${id}`);

let session: api.Session = { documents: [], detector: "", save_folder: "", problem: "" };
let plan: api.PlanDocument | null = null;
let current: Page | null = null;
let selected: number | null = null;
let hovered: number | null = null;
let drawing = false;
let threshold = 0.25;
let problem: { title: string; text: string; retry: (() => void) | null } | null = null;
/** Pages by document and number. */
const pages = new Map<string, Page>();
let opening = 0;

// -- what is shown ----------------------------------------------------------------------------

const stage = new Stage(get("stage"), {
  select: (number) => select(number),
  hover: (number) => hover(number),
  reshape: (number, box) => change(rooms.reshape(current!.history.rooms, number, box)),
  add: (box) => {
    change(rooms.add(current!.history.rooms, box));
    select(current!.history.rooms.at(-1)!.number);
  },
  zoomed: (percent) => {
    const text = `${Math.round(percent)} %`;
    if (button("zoom-fit").textContent !== text) button("zoom-fit").textContent = text;
  },
});
const list = new RoomList(get<HTMLOListElement>("list"), {
  select: (number) => select(number, true),
  hover: (number) => hover(number),
  toggle: (number) => change(rooms.toggleAccepted(current!.history.rooms, number)),
  remove: (number) => removeRoom(number),
});

/** What the slider and the layers leave of the page's rooms. */
function shownRooms(): rooms.Room[] {
  if (!current) return [];
  const [accepted, drafts] = [layer("accepted").checked, layer("drafts").checked];
  return current.history.rooms.filter(
    (room) => rooms.isShown(room, threshold) && (room.accepted ? accepted : drafts),
  );
}

let isScheduled = false;
function show(): void {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    showNow();
  });
}

function showNow(): void {
  const shown = shownRooms();
  if (selected !== null && !shown.some((room) => room.number === selected)) selected = null;
  stage.update({ rooms: shown, selected, hovered, drawing, labels: layer("labels").checked });
  stage.setPlanVisible(layer("plan").checked);
  get("stage").classList.toggle("dark-paper", layer("paper").checked);
  list.update(shown, selected, hovered);
  showCounts(shown);
  showBars();
  showStatus();
  showBanner();
}

function showCounts(shown: readonly rooms.Room[]): void {
  const accepted = shown.filter((room) => room.accepted).length;
  const drafts = shown.length - accepted;
  const lead = { finding: "Looking …", failed: "Nobody has looked yet." }[current?.state as string];
  const counted = lead && !shown.length ? lead : `${accepted} accepted, ${plural(drafts, "draft")}`;
  setText("counts", current ? counted : "No plan is open.");
  setText("threshold-value", `${Math.round(threshold * 100)} %`);
  const all = button("accept-all");
  all.textContent = drafts ? `Accept ${plural(drafts, "draft")}` : "Nothing to accept";
  all.disabled = !drafts;
  button("next-room").disabled = button("previous-room").disabled = !shown.length;
}

function showBars(): void {
  const histogram = get("histogram");
  const counts = new Array<number>(BINS).fill(0);
  for (const room of current?.history.rooms ?? [])
    if (room.confidence !== null) counts[Math.min(BINS - 1, Math.floor(((room.confidence - 0.05) / 0.95) * BINS))]! += 1;
  const most = Math.max(1, ...counts);
  while (histogram.children.length < BINS) histogram.append(document.createElement("i"));
  counts.forEach((count, index) => {
    const bar = histogram.children[index] as HTMLElement;
    bar.style.height = count ? `${10 + (90 * count) / most}%` : "0";
    bar.classList.toggle("below", 0.05 + ((index + 1) / BINS) * 0.95 <= threshold);
  });
}

function showStatus(): void {
  const history = current?.history;
  button("undo").disabled = !history?.canUndo;
  button("redo").disabled = !history?.canRedo;
  button("save").disabled = button("export").disabled = !current;
  button("find").disabled = !current || current.state === "finding";
  button("save").classList.toggle("changed", changedPages().length > 0);
  button("tool-select").setAttribute("aria-pressed", String(!drawing));
  button("tool-draw").setAttribute("aria-pressed", String(drawing));
  button("tool-draw").disabled = !current;
  get("stage").classList.toggle("drawing", drawing);
  get("zoom").hidden = !current;
  get("welcome").hidden = Boolean(plan) || opening > 0;
  get("paging").hidden = !plan || plan.pages.length < 2;
  if (plan && current) {
    setText("title", plan.name);
    setText("page-number", `${current.page} / ${plan.pages.length}`);
    button("previous-page").disabled = current.page <= 1;
    button("next-page").disabled = current.page >= plan.pages.length;
    document.title = `${plan.name} – roomdet viewer`;
  }
  const isBusy = opening > 0 || current?.state === "finding";
  get("busy").hidden = !isBusy;
  if (isBusy) setText("busy-text", opening > 0 ? "Opening …" : `Looking for rooms …${waited()}`);
  document.body.dataset["state"] = opening > 0 ? "opening" : (current?.state ?? "empty");
}

/** A sheet takes seconds: say how many. */
function waited(): string {
  const seconds = Math.floor((Date.now() - (current?.since || Date.now())) / 1000);
  return seconds >= 2 ? ` ${seconds} s` : "";
}

function showBanner(): void {
  const failed = current?.error;
  const shown =
    problem ?? (failed ? { title: titleOf(failed), text: failed.message, retry: () => void find() } : null);
  get("banner").hidden = !shown;
  if (!shown) return;
  setText("banner-title", shown.title);
  setText("banner-text", shown.text);
  button("retry").hidden = !shown.retry;
}

function titleOf(error: api.RequestError): string {
  if (error.code === "server_unreachable") return "The server that finds rooms does not answer";
  if (error.code === "viewer_gone") return "The viewer has ended";
  return "No rooms were found for this page";
}

function showDocuments(): void {
  const items = session.documents.map((entry) => {
    const item = document.createElement("li");
    const open = document.createElement("button");
    open.className = "document";
    open.setAttribute("aria-current", String(entry.id === plan?.id));
    const name = Object.assign(document.createElement("span"), { className: "file-name", textContent: entry.name });
    name.title = entry.name;
    open.append(name);
    if (entry.saved_pages.length)
      open.append(Object.assign(document.createElement("span"), { className: "tag", textContent: "saved" }));
    open.addEventListener("click", () => {
      togglePlans(false);
      void openDocument(entry.id);
    });
    item.append(open);
    if (plan?.id === entry.id && plan.pages.length > 1) item.append(thumbnails(plan, entry.saved_pages));
    return item;
  });
  get("documents").replaceChildren(...items);
}

function thumbnails(of: api.PlanDocument, saved: readonly number[]): HTMLElement {
  const strip = Object.assign(document.createElement("div"), { className: "thumbnails" });
  of.pages.forEach((size, index) => {
    const page = index + 1;
    const open = document.createElement("button");
    const label = `Page ${page}${saved.includes(page) ? ", saved" : ""}`;
    open.setAttribute("aria-label", label);
    open.title = label;
    open.setAttribute("aria-current", String(page === current?.page));
    const image = document.createElement("img");
    image.alt = "";
    image.loading = "lazy";
    image.src = api.tileAddress(of.id, page, Math.min(of.smallest_level, size.levels), 0, 0);
    const number = Object.assign(document.createElement("span"), { textContent: String(page) });
    open.append(image, number);
    open.addEventListener("click", () => {
      togglePlans(false);
      void openPage(page);
    });
    strip.append(open);
  });
  return strip;
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function setText(id: string, text: string): void {
  const element = get(id);
  if (element.textContent !== text) element.textContent = text;
}

let toastTimer = 0;
function toast(text: string, command = ""): void {
  const parts: (Node | string)[] = [text];
  if (command) parts.push(Object.assign(document.createElement("code"), { textContent: command }));
  get("toast").replaceChildren(...parts);
  get("toast").classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => get("toast").classList.remove("shown"), TOAST_MS);
}

function fail(title: string, error: unknown, retry: (() => void) | null = null): void {
  problem = { title, text: error instanceof Error ? error.message : String(error), retry };
  show();
}

// -- opening ----------------------------------------------------------------------------------

async function whileOpening<T>(work: () => Promise<T>): Promise<T> {
  opening += 1;
  problem = null;
  show();
  try {
    return await work();
  } finally {
    opening -= 1;
    show();
  }
}

async function refreshSession(): Promise<void> {
  session = await api.session();
  showDocuments();
}

async function openDocument(id: string, page = 1): Promise<void> {
  try {
    const opened = await whileOpening(() => api.describe(id));
    await showDocument(opened, page);
  } catch (error) {
    fail("This plan could not be opened", error, () => void openDocument(id, page));
  }
}

async function showDocument(opened: api.PlanDocument, page: number): Promise<void> {
  plan = opened;
  await openPage(Math.min(Math.max(1, page), opened.pages.length));
}

async function openPage(number: number): Promise<void> {
  if (!plan) return;
  const opened = plan;
  const key = `${opened.id}/${number}`;
  let page = pages.get(key);
  if (!page) {
    page = { plan: opened, page: number, history: new rooms.History([]), state: "new", error: null, since: 0 };
    pages.set(key, page);
  }
  current = page;
  selected = hovered = null;
  problem = null;
  history.replaceState(null, "", `#${opened.id}/${number}`);
  stage.open(opened, number);
  showDocuments();
  show();
  if (page.state === "new") await load(page);
}

/** What was saved of a page before; if nothing was, what the server finds. */
async function load(page: Page): Promise<void> {
  page.state = "finding";
  show();
  try {
    const before = await api.saved(page.plan.id, page.page);
    if (before) {
      page.history = new rooms.History(before.rooms.map((room, index) => ({ ...room, number: index + 1 })));
      page.state = "saved";
      show();
      return;
    }
  } catch (error) {
    fail("What was saved of this page can't be read", error);
  }
  await find(page);
}

async function find(page: Page | null = current): Promise<void> {
  if (!page) return;
  page.state = "finding";
  page.since = Date.now();
  page.error = null;
  show();
  try {
    const found = await api.detect(page.plan.id, page.page);
    const isFirst = page.history.rooms.length === 0 && !page.history.canUndo;
    const next = rooms.withNewDrafts(page.history.rooms, found.rooms);
    if (isFirst) page.history = new rooms.History(next);
    else page.history.change(next);
    page.state = "found";
  } catch (error) {
    page.state = "failed";
    page.error = error instanceof api.RequestError ? error : new api.RequestError(String(error), "unknown");
  }
  show();
}

async function take(files: FileList | null | undefined): Promise<void> {
  for (const file of files ?? []) {
    try {
      const opened = await whileOpening(() => api.drop(file));
      await refreshSession();
      await showDocument(opened, 1);
    } catch (error) {
      fail(`${file.name} could not be opened`, error);
    }
  }
}

// -- editing ----------------------------------------------------------------------------------

function select(number: number | null, closely = false): void {
  selected = number;
  const room = current?.history.rooms.find((one) => one.number === number);
  if (room && closely) stage.reveal(room.box, false);
  show();
}

function hover(number: number | null): void {
  if (hovered === number) return;
  hovered = number;
  show();
}

function change(next: rooms.Rooms, tag = ""): void {
  if (!current) return;
  current.history.change(next, tag);
  show();
}

function removeRoom(number: number): void {
  if (!current) return;
  const shown = shownRooms();
  const index = shown.findIndex((room) => room.number === number);
  change(rooms.remove(current.history.rooms, number));
  if (selected === number) select(shown[index + 1]?.number ?? shown[index - 1]?.number ?? null);
}

function step(by: 1 | -1): void {
  const shown = shownRooms();
  if (!shown.length) return;
  const index = shown.findIndex((room) => room.number === selected);
  const next = index < 0 ? (by > 0 ? 0 : shown.length - 1) : (index + by + shown.length) % shown.length;
  select(shown[next]!.number, true);
}

function acceptAll(): void {
  if (!current) return;
  const drafts = shownRooms().filter((room) => !room.accepted);
  if (drafts.length) change(rooms.accept(current.history.rooms, new Set(drafts.map((room) => room.number))));
}

function acceptSelected(): void {
  if (!current || selected === null) return;
  const room = current.history.rooms.find((one) => one.number === selected);
  if (room && !room.accepted) change(rooms.accept(current.history.rooms, new Set([selected])));
  step(1);
}

function nudge(dx: number, dy: number, isFar: boolean, isResize: boolean): void {
  const room = current?.history.rooms.find((one) => one.number === selected);
  if (!current || !room) return;
  const [x, y] = stage.pixel;
  const far = isFar ? NUDGE_FAR_PX : NUDGE_PX;
  const [byX, byY] = [dx * x * far, dy * y * far];
  const box = isResize
    ? rooms.resized(room.box, { x: dx ? 1 : 0, y: dy ? 1 : 0 }, byX, byY, [4 * x, 4 * y])
    : rooms.moved(room.box, byX, byY);
  change(rooms.reshape(current.history.rooms, room.number, box), `nudge ${room.number} ${isResize}`);
}

function undo(): void {
  if (current?.history.undo()) show();
}

function redo(): void {
  if (current?.history.redo()) show();
}

function setDrawing(on: boolean): void {
  drawing = on && current !== null;
  show();
}

// -- saving -----------------------------------------------------------------------------------

const changedPages = () => [...pages.values()].filter((page) => page.history.isChanged);

async function save(): Promise<void> {
  if (!current) return;
  const wanted = changedPages();
  if (!wanted.includes(current)) wanted.push(current);
  let [savedRooms, savedPages, left] = [0, 0, 0];
  try {
    for (const page of wanted) {
      const all = page.history.rooms;
      const accepted = all.filter((room) => room.accepted).length;
      const drafts = all.filter((room) => !room.accepted && rooms.isShown(room, threshold)).length;
      // A page of drafts alone has nothing to be trained with; one without any is a page without rooms.
      if (!accepted && drafts && !page.history.isChanged) continue;
      await api.save(page.plan.id, page.page, all, drafts === 0);
      page.history.markSaved(all);
      savedRooms += accepted;
      savedPages += 1;
      left += drafts;
    }
    await refreshSession();
  } catch (error) {
    fail("Not saved", error, () => void save());
    return;
  }
  problem = null;
  if (!savedPages) toast("Nothing is accepted yet, so nothing was saved. Accept drafts first (A).");
  else {
    const rest = left ? `; ${plural(left, "draft")} left out` : "";
    const where = session.save_folder;
    toast(`Saved ${plural(savedRooms, "room")} of ${plural(savedPages, "page")}${rest}. `, `make train DATA='${where}'`);
  }
  show();
}

async function copyJson(): Promise<void> {
  const text = asJson(shownRooms());
  try {
    await navigator.clipboard.writeText(text);
    toast(`${plural(shownRooms().length, "room")} copied as JSON.`);
  } catch {
    fail("Not copied", "The browser does not let this page write to the clipboard.");
  }
}

const fileStem = () => `${plan!.name.replace(/\.[^.]+$/, "")}${plan!.pages.length > 1 ? `-p${current!.page}` : ""}`;

async function getPicture(): Promise<void> {
  if (!plan || !current) return;
  try {
    download(await asPicture(plan.id, current.page, shownRooms()), `${fileStem()}-rooms.png`);
  } catch (error) {
    fail("No picture was made", error);
  }
}

function getTable(): void {
  if (!plan || !current) return;
  const text = asCsv(shownRooms(), plan.name, current.page, plan.pages[current.page - 1]!);
  download(new Blob([text], { type: "text/csv" }), `${fileStem()}-rooms.csv`);
}

// -- keys, buttons, dropping ------------------------------------------------------------------

const isOpen = (id: string) => get(id).matches(":popover-open");

function escape(): void {
  if (stage.cancel()) return;
  if (drawing) setDrawing(false);
  else select(null);
}

/** By what is typed; the first column is what the help shows. */
const KEYS: [string, string, string[], (event: KeyboardEvent) => void][] = [
  ["N  P", "next, previous room", ["n", "j"], () => step(1)],
  ["", "", ["p", "k"], () => step(-1)],
  ["Enter", "accept the room, go on to the next", ["Enter"], acceptSelected],
  ["A", "accept all drafts that are shown", ["a"], acceptAll],
  ["Delete", "delete the room", ["Delete", "Backspace"], () => selected !== null && removeRoom(selected)],
  ["D", "draw rooms; Esc ends it", ["d"], () => setDrawing(!drawing)],
  ["Arrows", "move the room; with Alt resize it; with Shift in steps of 10", [], () => {}],
  ["Z", "zoom to the room", ["z"], () => zoomToSelected()],
  ["+  −  0", "zoom in, out, whole page", ["+", "="], () => stage.zoomBy(1.5)],
  ["", "", ["-"], () => stage.zoomBy(1 / 1.5)],
  ["", "", ["0"], () => stage.fit()],
  ["Page up, down", "previous, next page", ["PageDown"], () => current && turn(1)],
  ["", "", ["PageUp"], () => current && turn(-1)],
  ["[  ]", "lower, raise the confidence", ["["], () => setThreshold(threshold - 0.05)],
  ["", "", ["]"], () => setThreshold(threshold + 0.05)],
  ["R", "find rooms again", ["r"], () => void find()],
  ["Ctrl Z, Ctrl Y", "undo, redo", [], () => {}],
  ["Ctrl S", "save", [], () => {}],
];
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

function zoomToSelected(): void {
  const room = current?.history.rooms.find((one) => one.number === selected);
  if (room) stage.reveal(room.box, true);
}

function turn(by: 1 | -1): void {
  const next = current!.page + by;
  if (plan && next >= 1 && next <= plan.pages.length) void openPage(next);
}

function setThreshold(value: number): void {
  threshold = Math.min(1, Math.max(0.05, Math.round(value * 100) / 100));
  get<HTMLInputElement>("threshold").value = String(Math.round(threshold * 100));
  show();
}

function key(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey) {
    const act = { z: event.shiftKey ? redo : undo, y: redo, s: () => void save() }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
    return;
  }
  if (event.key === "Escape") {
    if (!isOpen("help-sheet") && !isOpen("export-menu")) escape();
    return;
  }
  if (isOpen("help-sheet") || isOpen("export-menu")) return;
  const isRange = target instanceof HTMLInputElement && target.type === "range";
  const arrow = ARROWS[event.key];
  if (arrow && !isRange && selected !== null) {
    event.preventDefault();
    nudge(...arrow, event.shiftKey, event.altKey);
    return;
  }
  // Enter presses the button that has the focus, unless it is the list's row of the room itself.
  if (event.key === "Enter" && target.closest("button, a, input:not([type=range])") && target.getAttribute("aria-current") !== "true") return;
  if (isRange && event.key.startsWith("Page")) return;
  if (event.altKey) return;
  const known = KEYS.find(([, , keys]) => keys.includes(event.key) || keys.includes(event.key.toLowerCase()));
  if (!known) return;
  event.preventDefault();
  known[3](event);
}

function label(id: string, name: IconName, text: string): void {
  button(id).append(icon(name));
  button(id).setAttribute("aria-label", text.replace(/ \(.*\)$/, ""));
  button(id).title = text;
}

function togglePlans(open = !document.body.classList.contains("plans-open")): void {
  document.body.classList.toggle("plans-open", open);
  button("toggle-plans").setAttribute("aria-expanded", String(open));
}

function setTheme(theme: string): void {
  document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem("roomdet-theme", theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function storedTheme(): string {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  try {
    return localStorage.getItem("roomdet-theme") ?? system;
  } catch {
    return system;
  }
}

function wire(): void {
  const icons: [string, IconName, string][] = [
    ["toggle-plans", "menu", "Plans"],
    ["previous-page", "left", "Previous page (Page up)"],
    ["next-page", "right", "Next page (Page down)"],
    ["tool-select", "select", "Select, move, resize (Esc)"],
    ["tool-draw", "draw", "Draw rooms (D)"],
    ["undo", "undo", "Undo (Ctrl Z)"],
    ["redo", "redo", "Redo (Ctrl Y)"],
    ["theme", "theme", "Light or dark"],
    ["help", "help", "Keys"],
    ["dismiss", "close", "Dismiss"],
    ["close-help", "close", "Close"],
    ["zoom-in", "plus", "Zoom in (+)"],
    ["zoom-out", "minus", "Zoom out (−)"],
    ["previous-room", "up", "Previous room (P)"],
    ["next-room", "down", "Next room (N)"],
  ];
  for (const [id, name, text] of icons) label(id, name, text);
  // Phones show the sign alone.
  button("export").prepend(icon("share"));
  const acts: Record<string, () => void> = {
    "toggle-plans": () => togglePlans(),
    "previous-page": () => turn(-1),
    "next-page": () => turn(1),
    "tool-select": () => setDrawing(false),
    "tool-draw": () => setDrawing(true),
    undo,
    redo,
    theme: () => setTheme(document.documentElement.dataset["theme"] === "dark" ? "light" : "dark"),
    save: () => void save(),
    choose: () => get("file").click(),
    "choose-first": () => get("file").click(),
    retry: () => (problem?.retry ?? (() => void find()))(),
    dismiss: () => {
      problem = null;
      if (current) current.error = null;
      show();
    },
    "zoom-in": () => stage.zoomBy(1.5),
    "zoom-out": () => stage.zoomBy(1 / 1.5),
    "zoom-fit": () => stage.fit(),
    find: () => void find(),
    "accept-all": acceptAll,
    "previous-room": () => step(-1),
    "next-room": () => step(1),
    "copy-json": () => void copyJson(),
    "get-picture": () => void getPicture(),
    "get-table": getTable,
  };
  for (const [id, act] of Object.entries(acts)) button(id).addEventListener("click", act);
  for (const id of ["copy-json", "get-picture", "get-table"])
    button(id).addEventListener("click", () => get("export-menu").hidePopover());
  for (const id of ["plan", "accepted", "drafts", "labels", "paper"]) layer(id).addEventListener("change", show);
  const slider = get<HTMLInputElement>("threshold");
  slider.addEventListener("input", () => setThreshold(Number(slider.value) / 100));
  const file = get<HTMLInputElement>("file");
  file.addEventListener("change", () => {
    void take(file.files).then(() => (file.value = ""));
  });
  document.addEventListener("keydown", key);
  // A click on the plan focuses it, too; its frame is for those who come by keyboard.
  const byKeyboard = (on: boolean) => document.body.classList.toggle("by-keyboard", on);
  document.addEventListener("keydown", (event) => event.key === "Tab" && byKeyboard(true));
  document.addEventListener("pointerdown", () => byKeyboard(false));
  for (const [keys, text] of KEYS) {
    if (!keys) continue;
    const term = document.createElement("dt");
    for (const one of keys.split(/, |  /)) term.append(Object.assign(document.createElement("kbd"), { textContent: one }));
    get("keys").append(term, Object.assign(document.createElement("dd"), { textContent: text }));
  }
  get("export-menu").addEventListener("toggle", () => {
    setText("export-note", `This page, as shown: ${plural(shownRooms().length, "room")}. “Save” writes YOLO and COCO.`);
  });
  addEventListener("beforeunload", (event) => {
    if (changedPages().length) event.preventDefault();
  });
  wireDrop();
}

function wireDrop(): void {
  const hint = (on: boolean) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    hint(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) hint(false);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    hint(false);
    void take(event.dataTransfer?.files);
  });
}

setInterval(() => current?.state === "finding" && show(), 1000);

async function start(): Promise<void> {
  setTheme(storedTheme());
  wire();
  show();
  try {
    await whileOpening(refreshSession);
  } catch (error) {
    fail("The viewer has ended", error, () => location.reload());
    return;
  }
  const [id, page] = location.hash.slice(1).split("/");
  const wanted = session.documents.find((entry) => entry.id === id) ?? session.documents[0];
  if (wanted) await openDocument(wanted.id, wanted.id === id ? Number(page) || 1 : 1);
  if (session.problem) fail("Corrected plans can't be saved", session.problem);
}

void start();
