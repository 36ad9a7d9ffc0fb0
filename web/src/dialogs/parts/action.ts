import { useSignal } from "@preact/signals";
import { explain } from "../../state/errors";

/** Something that a person started: whether it is under way, and what went wrong. */
export interface Action {
  readonly busy: boolean;
  /** In plain words; undefined while nothing went wrong. */
  readonly error: string | undefined;
  /** Does it, unless it is under way; resolves to whether it was done. Never rejects. */
  readonly run: (work: () => Promise<unknown>) => Promise<boolean>;
  /** Says that something is wrong before the server is asked; undefined takes it away. */
  readonly complain: (text: string | undefined) => void;
}

/** One action of a dialog. Its error stays until the next attempt. */
export function useAction(): Action {
  const busy = useSignal(false);
  const error = useSignal<string | undefined>(undefined);
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    if (busy.peek()) return false;
    busy.value = true;
    error.value = undefined;
    try {
      await work();
      return true;
    } catch (caught) {
      error.value = explain(caught);
      return false;
    } finally {
      busy.value = false;
    }
  };
  const complain = (text: string | undefined): void => {
    error.value = text;
  };
  return { busy: busy.value, error: error.value, run, complain };
}
