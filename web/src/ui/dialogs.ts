/**
 * Which dialogs there are and what each is told. The dialogs themselves are loaded when they are opened first:
 * `src/dialogs/index.ts` registers how.
 */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

type Nothing = Readonly<Record<never, never>>;

/** What each dialog is told when it is opened. */
export interface DialogArgs {
  /** Find a person and write to them. */
  newChat: { readonly query?: string };
  newGroup: { readonly member_ids?: readonly string[] };
  joinGroup: Nothing;
  /** Of a group: name, announcement, members, rules. Of a private chat: the person. */
  details: { readonly conversation_id: string };
  /** Somebody who may not have a chat with this user yet. */
  person: { readonly user_id: string };
  profile: Nothing;
  password: Nothing;
  devices: Nothing;
  settings: Nothing;
  shortcuts: Nothing;
  about: Nothing;
  readers: { readonly conversation_id: string; readonly seq: number };
  jumpToDate: { readonly conversation_id: string };
  confirm: {
    readonly title: string;
    readonly text?: string;
    readonly action: string;
    readonly danger?: boolean;
    readonly onConfirm: () => void;
  };
}

export type DialogName = keyof DialogArgs;

/** The props of a dialog's component. It calls `onClose` when it is done, and is then unmounted. */
export interface DialogProps<Name extends DialogName> {
  readonly args: DialogArgs[Name];
  readonly onClose: () => void;
}

/** How the component of each dialog is got. */
export type DialogLoaders = {
  readonly [Name in DialogName]?: () => Promise<ComponentType<DialogProps<Name>>>;
};

/** A dialog that is open, or being loaded. */
export interface OpenDialog {
  readonly id: number;
  readonly name: DialogName;
  readonly args: DialogArgs[DialogName];
}

/** The open dialogs, the topmost last. */
export const dialogs = signal<readonly OpenDialog[]>([]);

const loaders = new Map<DialogName, () => Promise<unknown>>();
let lastId = 0;

/** Says how dialogs are loaded; later calls add to earlier ones. */
export function registerDialogs(more: DialogLoaders): void {
  for (const [name, load] of Object.entries(more)) loaders.set(name as DialogName, load);
}

/** Opens a dialog above those that are open. */
export function openDialog<Name extends DialogName>(
  name: Name,
  ...[args]: Nothing extends DialogArgs[Name] ? [args?: DialogArgs[Name]] : [args: DialogArgs[Name]]
): void {
  dialogs.value = [...dialogs.value, { id: ++lastId, name, args: args ?? {} }];
}

/** Closes a dialog; without an id the topmost one. */
export function closeDialog(id?: number): void {
  const closing = id ?? dialogs.value.at(-1)?.id;
  dialogs.value = dialogs.value.filter((each) => each.id !== closing);
}

/** Closes every dialog: what it was about is gone. */
export function closeDialogs(): void {
  dialogs.value = [];
}

/** Loads the component of a dialog. Rejects when it cannot be loaded. */
export async function loadDialog(name: DialogName): Promise<ComponentType<DialogProps<DialogName>>> {
  const load = loaders.get(name);
  if (!load) throw new Error(`expected a registered dialog, got "${name}"`);
  return (await load()) as ComponentType<DialogProps<DialogName>>;
}
