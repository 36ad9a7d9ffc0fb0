import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { explain } from "../../state/errors";

/** What was asked of the server: here, on its way, or refused. */
export interface Loaded<Value> {
  /** The newest answer; while a later one is on its way it stays. */
  readonly value: Value | undefined;
  readonly error: string | undefined;
  /** Asks again; resolves when the answer stands in `value` or `error`. */
  readonly reload: () => Promise<void>;
}

interface State<Value> {
  readonly value?: Value;
  readonly error?: string;
}

/**
 * Asks the server for something while a dialog is open.
 *
 * @param load - asks; called again when one of `inputs` changes.
 * @param inputs - what the answer depends on.
 */
export function useLoaded<Value>(load: () => Promise<Value>, inputs: readonly unknown[]): Loaded<Value> {
  const state: Signal<State<Value>> = useSignal<State<Value>>({});
  const asked = useSignal(0);
  const reload = async (): Promise<void> => {
    asked.value = asked.peek() + 1;
    const mine = asked.peek();
    const next = await load().then(
      (value): State<Value> => ({ value }),
      (error: unknown): State<Value> => ({ ...state.peek(), error: explain(error) }),
    );
    // Answers may overtake each other; the last question counts.
    if (mine === asked.peek()) state.value = next;
  };
  useEffect(() => {
    void reload();
  }, inputs);
  return { value: state.value.value, error: state.value.error, reload };
}
