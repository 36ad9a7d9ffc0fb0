/** Dialogs about chats and people: one chunk. */
import "./dialogs.css";

export { Details } from "./details";
export { JoinGroup } from "./join-group";
export { JumpToDate } from "./jump-to-date";
export { NewChat } from "./new-chat";
export { NewGroup } from "./new-group";
export { Person } from "./person";
export { Readers } from "./readers";
