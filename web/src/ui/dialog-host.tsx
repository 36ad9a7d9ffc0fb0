import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { Confirm } from "./confirm";
import {
  closeDialog,
  type DialogName,
  type DialogProps,
  dialogs,
  loadDialog,
  type OpenDialog,
  registerDialogs,
} from "./dialogs";
import { toast } from "./toast";

registerDialogs({ confirm: () => Promise.resolve(Confirm) });

/** Where dialogs appear: once in the page. */
export function DialogHost(): JSX.Element {
  return (
    <>
      {dialogs.value.map((each) => (
        <Loaded key={each.id} {...each} />
      ))}
    </>
  );
}

function Loaded({ id, name, args }: OpenDialog): JSX.Element | null {
  const [Body, setBody] = useState<ComponentType<DialogProps<DialogName>> | null>(null);
  useEffect(() => {
    loadDialog(name).then(
      (loaded) => setBody(() => loaded),
      () => {
        // Offline before it was loaded for the first time, or a new version is on the server.
        closeDialog(id);
        toast(t("error.network"), { kind: "error" });
      },
    );
  }, [id, name]);
  return Body && <Body args={args} onClose={() => closeDialog(id)} />;
}
