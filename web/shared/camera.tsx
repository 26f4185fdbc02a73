/** The camera's window on a page: what it sees, or in words why it does not, and what to do then. */

import { useEffect } from "preact/hooks";

import { Camera, Lamp } from "./icons.tsx";
import type { Scanner } from "./scanner.ts";
import { t } from "./words.ts";

export function CameraView({ scanner, mirrored }: { scanner: Scanner; mirrored?: boolean }) {
  useEffect(() => {
    void scanner.start();
    return () => scanner.stop();
  }, [scanner]);
  const state = scanner.state.value;
  const live = state === "on" || state === "starting";
  return (
    <div class={`camera ${state}`} data-camera={state}>
      <video ref={scanner.attach} playsInline muted autoPlay class={mirrored ? "mirrored" : ""} aria-hidden="true" hidden={!live} />
      {state === "on" && <span class="camera-frame" aria-hidden="true" />}
      {state === "on" && scanner.nothing.value && <p class="camera-hint">{t("common.camera.hint")}</p>}
      {state === "on" && scanner.torch.value !== undefined && (
        <button type="button" class="camera-torch" aria-pressed={scanner.torch.value} onClick={() => void scanner.switchTorch()}><Lamp /><span>{t("common.camera.torch")}</span></button>
      )}
      {!live && (
        <div class="camera-off">
          <Camera />
          <p>{t(`common.camera.${state}`)}</p>
          <button type="button" class="button second" onClick={() => void scanner.start()}>{t(state === "asleep" || state === "off" ? "common.camera.wake" : "common.camera.again")}</button>
        </div>
      )}
    </div>
  );
}
