// SPDX-License-Identifier: AGPL-3.0-or-later
// What the viewer's server answers (client/roomdet_client/viewer/server.py).

import type { Area, Box, Ring, Room } from "./rooms";

export interface ListedDocument {
  id: string;
  name: string;
  saved_pages: number[];
}

export interface Session {
  documents: ListedDocument[];
  detector: string;
  save_folder: string;
  problem: string;
}

/** Size in pixels at the deepest level, and the number of that level. */
export interface PageSize {
  width: number;
  height: number;
  levels: number;
}

export interface PlanDocument {
  id: string;
  name: string;
  tile_px: number;
  smallest_level: number;
  pages: PageSize[];
}

type SavedRoom = Omit<Room, "number">;

export interface SavedPage {
  rooms: SavedRoom[];
  accepted: number;
  complete: boolean;
  picture: string;
}

interface Answer {
  processing_time_ms: number;
  detected_rooms: {
    bounding_box: Box;
    confidence: number;
    name_hint?: string | null;
    polygon?: Ring | null;
    area?: Area | null;
  }[];
}

/** A request that was answered with an error, or not at all. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

const GRID = 1000;

async function ask(address: string, init?: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(address, init);
  } catch {
    throw new RequestError(
      "The viewer itself no longer answers. Start “roomdet view” again, then try once more.",
      "viewer_gone",
    );
  }
  const text = await response.text();
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new RequestError(text.slice(0, 200) || `HTTP ${response.status}`, "unknown");
  }
  if (response.ok) return document;
  const { error, type, message } = document as Record<string, unknown>;
  throw new RequestError(String(message ?? `HTTP ${response.status}`), String(error ?? type ?? "unknown"));
}

const pageAddress = (id: string, page: number) => `/api/documents/${id}/pages/${page}`;

export const session = async () => (await ask("/api/session")) as Session;

export const describe = async (id: string) => (await ask(`/api/documents/${id}`)) as PlanDocument;

export async function drop(file: File): Promise<PlanDocument> {
  const address = `/api/documents?name=${encodeURIComponent(file.name)}`;
  return (await ask(address, { method: "POST", body: file })) as PlanDocument;
}

export async function detect(id: string, page: number): Promise<{ rooms: Omit<Room, "number">[]; ms: number }> {
  const answer = (await ask(`${pageAddress(id, page)}/rooms`)) as Answer;
  const rooms = answer.detected_rooms.map((room) => ({
    box: room.bounding_box.map((value) => value / GRID) as Box,
    confidence: room.confidence,
    accepted: false,
    ...(room.name_hint ? { name: room.name_hint } : {}),
    ...(room.polygon ? { polygon: room.polygon.map(([x, y]) => [x / GRID, y / GRID] as const) } : {}),
    ...(room.area ? { area: room.area } : {}),
  }));
  return { rooms, ms: answer.processing_time_ms };
}

export async function saved(id: string, page: number): Promise<SavedPage | null> {
  const answer = (await ask(`${pageAddress(id, page)}/saved`)) as { saved: SavedPage | null };
  return answer.saved;
}

export async function save(id: string, page: number, rooms: readonly Room[], complete: boolean): Promise<SavedPage> {
  const sent = rooms.map(({ number: _number, ...room }) => room);
  const init = { method: "POST", body: JSON.stringify({ rooms: sent, complete }) };
  return (await ask(`${pageAddress(id, page)}/saved`, init)) as SavedPage;
}

export const tileAddress = (id: string, page: number, level: number, column: number, row: number) =>
  `${pageAddress(id, page)}/tiles/${level}/${column}/${row}`;

export const pictureAddress = (id: string, page: number, side: number) =>
  `${pageAddress(id, page)}/picture?side=${side}`;
