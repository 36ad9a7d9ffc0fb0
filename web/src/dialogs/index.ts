import { registerDialogs } from "../ui";

const chat = () => import("./chat-dialogs");
const account = () => import("./account-dialogs");

/**
 * Says how each dialog is loaded. They are two chunks, by what is opened together: chats and people, and what
 * belongs to the account. Call it once, at the start.
 */
export function installDialogs(): void {
  registerDialogs({
    newChat: async () => (await chat()).NewChat,
    newGroup: async () => (await chat()).NewGroup,
    joinGroup: async () => (await chat()).JoinGroup,
    details: async () => (await chat()).Details,
    person: async () => (await chat()).Person,
    readers: async () => (await chat()).Readers,
    jumpToDate: async () => (await chat()).JumpToDate,
    profile: async () => (await account()).Profile,
    password: async () => (await account()).Password,
    devices: async () => (await account()).Devices,
    settings: async () => (await account()).Settings,
    shortcuts: async () => (await account()).Shortcuts,
    about: async () => (await account()).About,
  });
}

/** Loads the chunks beforehand, so that the first dialog opens at once, and offline. Call it when the page is idle. */
export function preloadDialogs(): void {
  for (const load of [chat, account]) void load().catch(() => undefined);
}
