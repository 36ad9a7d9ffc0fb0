import { auth } from "./auth";
import { chat } from "./chat";
import { common } from "./common";
import { dialogs } from "./dialogs";
import { errors } from "./errors";
import { list } from "./list";
import { shell } from "./shell";
import { text } from "./text";

/** The English catalogue. It is the model: other languages have exactly its keys. */
export const en = { ...common, ...errors, ...auth, ...shell, ...list, ...chat, ...dialogs, ...text } as const;
