/** The server as a face sees it: JSON in and out, problems as sentences in both languages, silence as `Offline`. */

import { learn } from "./clock.ts";
import type { Text } from "./words.ts";

/** The server could not be reached or did not answer in time. */
export class Offline extends Error {}

/** The server refused (RFC 9457). `texts` is for people, `code` for programs. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly field: string,
    readonly texts: Text,
    readonly retryAfter: number,
  ) {
    super(`${status} ${code}`);
  }
}

export type Ask = {
  method?: "GET" | "POST" | "PUT";
  body?: unknown;
  token?: string | undefined;
  etag?: string | undefined;
  key?: string;
  timeout?: number;
};
export type Told<T> = { status: number; body: T; etag: string };

export async function ask<T>(path: string, { method = "GET", body, token, etag, key, timeout = 15_000 }: Ask = {}): Promise<Told<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token) headers["authorization"] = `Bearer ${token}`;
  if (etag) headers["if-none-match"] = etag;
  if (key) headers["idempotency-key"] = key;
  const asked = Date.now();
  let answer: Response;
  try {
    answer = await fetch(path, {
      method, headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(timeout),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (fault) {
    throw new Offline(String(fault));
  }
  if (answer.status === 304) return { status: 304, body: undefined as T, etag: etag ?? "" };
  const told = (await answer.json().catch(() => null)) as (T & { now?: string }) | null;
  if (!answer.ok) throw problem(answer, told);
  if (told === null) throw new Offline("the answer is not JSON");
  if (typeof told.now === "string") learn(told.now, asked);
  return { status: answer.status, body: told, etag: answer.headers.get("etag") ?? "" };
}

const NO_WORDS: Text = {
  en: "The server could not do this just now. Nothing you entered is lost; try again.",
  "zh-Hans": "服务器暂时无法处理，您填写的内容没有丢失，请稍后再试。",
};

export function problem(answer: Response, told: unknown): Error {
  const said = (told ?? {}) as { code?: string; field?: string; texts?: Text };
  // A proxy's own error page is the same to a person as no network: wait, nothing is lost.
  if (!said.code && answer.status >= 502 && answer.status <= 504) return new Offline(`status ${answer.status}`);
  const wait = Number(answer.headers.get("retry-after")) || 0;
  return new Problem(answer.status, said.code ?? "UNKNOWN", said.field ?? "", said.texts ?? NO_WORDS, wait);
}

/** The pause before the next try: doubles with each failure up to 15 minutes, ±25 % so that a city does not call at once. */
export function pause(base: number, failures: number): number {
  const wait = Math.min(base * 2 ** Math.min(failures, 10), 900_000);
  return wait * (0.75 + Math.random() * 0.5);
}
