import type { JSX } from "preact";
import { AuthPage } from "./auth/auth-page";
import { Shell } from "./shell/shell";
import { phase } from "./state/store";
import { DialogHost } from "./ui/dialog-host";
import { ToastHost } from "./ui/toast";

/** The page: whoever is not logged in is asked to, and what appears above it. */
export function App(): JSX.Element {
  return (
    <>
      {phase.value === "ready" ? <Shell /> : <AuthPage />}
      <DialogHost />
      <ToastHost />
    </>
  );
}
