/** The forms of a text that counts; which one is used, Intl.PluralRules says. `other` is always there. */
export interface Plural {
  readonly zero?: string;
  readonly one?: string;
  readonly two?: string;
  readonly few?: string;
  readonly many?: string;
  readonly other: string;
}

/** A text of a catalogue; `{name}` stands where a parameter goes. */
export type Text = string | Plural;

/** What a translation of a part of the catalogue must have: its keys, all of them and no others. */
export type Translation<Part> = { readonly [Key in keyof Part]: Text };

type NamesIn<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

/** The names of the parameters of a text; a plural always takes `count`. */
export type NamesOf<T> = T extends string
  ? NamesIn<T>
  : T extends { readonly other: infer Other extends string }
    ? NamesIn<Other> | "count"
    : never;
