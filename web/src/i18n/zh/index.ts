import type { Catalogue } from "../language";
import { auth } from "./auth";
import { chat } from "./chat";
import { common } from "./common";
import { dialogs } from "./dialogs";
import { errors } from "./errors";
import { list } from "./list";
import { shell } from "./shell";
import { text } from "./text";

/** The Chinese catalogue (simplified). */
export const zh: Catalogue = {
  ...common,
  ...errors,
  ...auth,
  ...shell,
  ...list,
  ...chat,
  ...dialogs,
  ...text,
};
