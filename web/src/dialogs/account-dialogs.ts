/** Dialogs about the account and this browser: one chunk. */
import "./dialogs.css";

export { About } from "./about";
export { Devices } from "./devices";
export { Password } from "./password";
export { Profile } from "./profile";
export { Settings } from "./settings";
export { Shortcuts } from "./shortcuts";
