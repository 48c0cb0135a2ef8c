// SPDX-License-Identifier: AGPL-3.0-or-later
// Rooms of a page and what is done to them. Nothing here is changed in place.

/** Corners x_min, y_min, x_max, y_max as fractions of the page, 0 to 1. */
export type Box = [number, number, number, number];

/** Corners x, y as fractions of the page; the last is the first again. */
export type Ring = readonly (readonly [number, number])[];

/** As the server answers it (docs/api.md). */
export interface Area {
  readonly m2: number;
  readonly scale: string;
  readonly scale_source: string;
  readonly printed_m2?: number;
}

export interface Room {
  /** Names it on its page; kept when others go. */
  readonly number: number;
  readonly box: Box;
  /** As the server answered, 0 to 1; null for one that a person drew. */
  readonly confidence: number | null;
  /** A draft until a person has said that it is a room. */
  readonly accepted: boolean;
  /** What the server read on the plan; its outline and size there, until a person changes the box. */
  readonly name?: string;
  readonly polygon?: Ring;
  readonly area?: Area;
}

export type Rooms = readonly Room[];

export const isShown = (room: Room, threshold: number) =>
  room.accepted || (room.confidence ?? 1) >= threshold;

export const nextNumber = (rooms: Rooms) => rooms.reduce((most, room) => Math.max(most, room.number), 0) + 1;

export const accept = (rooms: Rooms, numbers: ReadonlySet<number>): Rooms =>
  rooms.map((room) => (numbers.has(room.number) ? { ...room, accepted: true } : room));

export const toggleAccepted = (rooms: Rooms, number: number): Rooms =>
  rooms.map((room) => (room.number === number ? { ...room, accepted: !room.accepted } : room));

export const remove = (rooms: Rooms, number: number): Rooms => rooms.filter((room) => room.number !== number);

/** A person who has put a box right has accepted it; outline and area were those of another box. */
export const reshape = (rooms: Rooms, number: number, box: Box): Rooms =>
  rooms.map((room) => {
    if (room.number !== number) return room;
    const { polygon: _polygon, area: _area, ...kept } = room;
    return { ...kept, box, accepted: true };
  });

export const add = (rooms: Rooms, box: Box): Rooms => [
  ...rooms,
  { number: nextNumber(rooms), box, confidence: null, accepted: true },
];

const SAME_ROOM_IOU = 0.5;

/** What a person has accepted stays; drafts are replaced by those that are none of these. */
export function withNewDrafts(rooms: Rooms, found: readonly Omit<Room, "number">[]): Rooms {
  const kept = rooms.filter((room) => room.accepted);
  const fresh = found.filter((draft) => kept.every((room) => overlap(room.box, draft.box) < SAME_ROOM_IOU));
  const first = nextNumber(kept);
  return [...kept, ...fresh.map((draft, index) => ({ ...draft, number: first + index }))];
}

/** Intersection over union. */
export function overlap(one: Box, other: Box): number {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (area(one) + area(other) - width * height);
}

export const area = (box: Box) => (box[2] - box[0]) * (box[3] - box[1]);

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);

/** Moved as a whole; it stops at the page's edge. */
export function moved(box: Box, dx: number, dy: number): Box {
  const x = clamp(dx, -box[0], 1 - box[2]);
  const y = clamp(dy, -box[1], 1 - box[3]);
  return [box[0] + x, box[1] + y, box[2] + x, box[3] + y];
}

/** Which sides are pulled: -1 left or top, 1 right or bottom, 0 none. */
export interface Sides {
  x: -1 | 0 | 1;
  y: -1 | 0 | 1;
}

/** With sides pulled, never past the opposite one or the page's edge. */
export function resized(box: Box, sides: Sides, dx: number, dy: number, least: readonly [number, number]): Box {
  const [left, top, right, bottom] = box;
  const [leastX, leastY] = [Math.min(least[0], right - left), Math.min(least[1], bottom - top)];
  return [
    sides.x < 0 ? clamp(left + dx, 0, right - leastX) : left,
    sides.y < 0 ? clamp(top + dy, 0, bottom - leastY) : top,
    sides.x > 0 ? clamp(right + dx, left + leastX, 1) : right,
    sides.y > 0 ? clamp(bottom + dy, top + leastY, 1) : bottom,
  ];
}

/** The box between two points, inside the page. */
export function spanned(a: readonly [number, number], b: readonly [number, number]): Box {
  const inside = (value: number) => clamp(value, 0, 1);
  return [
    inside(Math.min(a[0], b[0])),
    inside(Math.min(a[1], b[1])),
    inside(Math.max(a[0], b[0])),
    inside(Math.max(a[1], b[1])),
  ];
}

/** Rooms of one page with all their earlier and undone states. */
export class History {
  private past: { rooms: Rooms; tag: string }[] = [];
  private future: Rooms[] = [];
  private clean: Rooms;

  constructor(public rooms: Rooms) {
    this.clean = rooms;
  }

  /** Steps with the same tag right after each other, such as nudges, are undone as one. */
  change(rooms: Rooms, tag = ""): void {
    const last = this.past.at(-1);
    if (!(tag && last?.tag === tag)) this.past.push({ rooms: this.rooms, tag });
    this.rooms = rooms;
    this.future = [];
  }

  undo(): boolean {
    const last = this.past.pop();
    if (!last) return false;
    this.future.push(this.rooms);
    this.rooms = last.rooms;
    return true;
  }

  redo(): boolean {
    const next = this.future.pop();
    if (!next) return false;
    this.past.push({ rooms: this.rooms, tag: "" });
    this.rooms = next;
    return true;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  get isChanged(): boolean {
    return this.rooms !== this.clean;
  }

  markSaved(rooms: Rooms): void {
    this.clean = rooms;
  }
}
