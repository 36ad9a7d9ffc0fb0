import type { ComponentChildren } from "preact";
import type { en } from "./en";
import { isolate } from "./isolate";
import { active, type Key } from "./language";
import { formatNumber } from "./numbers";
import type { NamesOf, Text } from "./types";

type Names<K extends Key> = NamesOf<(typeof en)[K]>;
type Values<K extends Key, Value> = { readonly [Name in Names<K>]: Name extends "count" ? number : Value };
type Arguments<K extends Key, Value> = [Names<K>] extends [never] ? [] : [params: Values<K, Value>];
type Params = Readonly<Record<string, unknown>>;

/**
 * The text of a key in the language in use.
 *
 * Parameters are checked by the compiler against the English text. Strings among them are names and other foreign
 * texts: their direction is isolated. `count` chooses the form and is written in the language's digits.
 *
 * @example t("list.unread", { count: 3 })
 */
export function t<K extends Key>(key: K, ...[params]: Arguments<K, string | number>): string {
  return fill(formOf(active.value.texts[key], params), params ?? {}, plain).join("");
}

/**
 * The text of a key with nodes as parameters, for children of an element.
 *
 * @example <p>{tx("event.joined", { name: <bdi>{name}</bdi> })}</p>
 */
export function tx<K extends Key>(key: K, ...[params]: Arguments<K, ComponentChildren>): ComponentChildren[] {
  return fill(formOf(active.value.texts[key], params), params ?? {}, (value) =>
    typeof value === "number" ? formatNumber(value) : (value as ComponentChildren),
  );
}

/** True when the catalogue has such a key: for keys made of codes that the server sends. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(active.value.texts, key);
}

function formOf(text: Text, params: Params | undefined): string {
  if (typeof text === "string") return text;
  const count = typeof params?.["count"] === "number" ? params["count"] : 0;
  return text[active.value.plural.select(count)] ?? text.other;
}

function fill<Part>(form: string, params: Params, show: (value: unknown) => Part): (Part | string)[] {
  return form.split(/\{(\w+)\}/).flatMap<Part | string>((part, index) => {
    if (index % 2 === 0) return part === "" ? [] : [part];
    return [show(params[part])];
  });
}

function plain(value: unknown): string {
  return typeof value === "number" ? formatNumber(value) : isolate(String(value ?? ""));
}
