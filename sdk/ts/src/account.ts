/** The HTTP API but for what a line does better: accounts, users, groups, devices (docs/protocol.md, "HTTP"). */

import type { ClientApi } from "./api.js";
import type { Http } from "./http.js";
import { newMsgId } from "./ids.js";
import type { Device, Group, Member, Role, User } from "./wire.js";

type Args<K extends keyof ClientApi> = ClientApi[K] extends (...args: infer A) => unknown ? A : never;

/** Calls that need a session. Changes are stored once per msg_id, so they are safe to repeat. */
export class Account {
  constructor(
    protected readonly http: Http,
    private readonly remember: (users: readonly User[]) => void,
  ) {}

  async searchUsers(query: string): Promise<User[]> {
    const { items } = await this.http.call<{ items: User[] }>("GET", "/users", {
      query: { query, limit: 20 },
    });
    this.remember(items);
    return items;
  }

  async profile(): Promise<User> {
    return (await this.http.call<{ user: User }>("GET", "/user/profile")).user;
  }

  async updateProfile(values: Args<"updateProfile">[0]): Promise<User> {
    return (await this.#change<{ user: User }>("PUT", "/user/profile", { ...values })).user;
  }

  async createGroup(a: Args<"createGroup">[0]): Promise<Group> {
    return (await this.#change<{ group: Group }>("POST", "/groups", { ...a })).group;
  }

  async group(id: string): Promise<Group> {
    return (await this.http.call<{ group: Group }>("GET", `/groups/${id}`)).group;
  }

  async updateGroup(id: string, values: Args<"updateGroup">[1]): Promise<void> {
    await this.#change("PATCH", `/groups/${id}`, { ...values });
  }

  async members(id: string): Promise<Member[]> {
    const members = await this.http.all<Member>(`/groups/${id}/members`, { limit: 200 });
    this.remember(members.map(({ role: _, joined_seq: __, ...user }) => user));
    return members;
  }

  async addMembers(id: string, user_ids: readonly string[]): Promise<void> {
    await this.#change("POST", `/groups/${id}/members`, { user_ids });
  }

  async removeMember(id: string, userId: string): Promise<void> {
    await this.#delete(`/groups/${id}/members/${userId}`);
  }

  async setRole(id: string, userId: string, role: Role): Promise<void> {
    await this.#change("PATCH", `/groups/${id}/members/${userId}`, { role });
  }

  async leaveGroup(group_id: string): Promise<void> {
    await this.#change("POST", "/groups/leave", { group_id });
  }

  async dissolveGroup(id: string): Promise<void> {
    await this.#delete(`/groups/${id}`);
  }

  async joinGroup(group_id: string): Promise<void> {
    await this.#change("POST", "/groups/join", { group_id });
  }

  devices(): Promise<Device[]> {
    return this.http.all<Device>("/auth/devices");
  }

  async removeDevice(id: string): Promise<void> {
    await this.http.call("DELETE", `/auth/devices/${id}`, { safe: true });
  }

  async changePassword(a: Args<"changePassword">[0]): Promise<void> {
    await this.http.call("PUT", "/auth/password", { body: { ...a } });
  }

  receipts(conversationId: string, seq: number): Promise<{ delivered: string[]; read: string[] }> {
    return this.http.call("GET", `/conversations/${conversationId}/receipts`, { query: { seq } });
  }

  #change<T>(method: string, path: string, values: Record<string, unknown>): Promise<T> {
    return this.http.call<T>(method, path, { body: { ...values, msg_id: newMsgId() }, safe: true });
  }

  async #delete(path: string): Promise<void> {
    await this.http.call("DELETE", path, { query: { msg_id: newMsgId() }, safe: true });
  }
}
