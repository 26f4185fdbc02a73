/** The camera loop: frames go to the reader while it is free, and are dropped while it is busy.

The camera sleeps after a while without a code and when the page is hidden; a tap wakes it. Nothing is kept of a picture. */

import { signal, type Signal } from "@preact/signals";

export type CameraState = "off" | "starting" | "on" | "asleep" | "refused" | "missing" | "broken";

const SAME_CODE = 5_000;
const SLEEP_AFTER = 60_000;
const HINT_AFTER = 10_000;

export type Options = {
  formats: ("QRCode" | "Code128")[];
  /** Which camera first: the back one of a phone, the one that faces the visitor at a gate. */
  facing: "environment" | "user";
  /** Milliseconds without a code until the camera sleeps; 0 never. */
  sleepAfter?: number;
  onText: (text: string, at: number) => void;
};

export class Scanner {
  readonly state: Signal<CameraState> = signal("off");
  readonly torch: Signal<boolean | undefined> = signal(undefined);
  /** True when the camera has run for a while without reading anything: time for a hint. */
  readonly nothing = signal(false);

  #video: HTMLVideoElement | undefined;
  #stream: MediaStream | undefined;
  #worker: Worker | undefined;
  #busy = false;
  #frame = 0;
  #last = { text: "", at: 0 };
  #quietSince = 0;
  #canvas = document.createElement("canvas");
  #options: Options;

  constructor(options: Options) {
    this.#options = options;
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.state.value === "on") this.stop("asleep");
    });
  }

  attach = (video: HTMLVideoElement | null): void => {
    this.#video = video ?? undefined;
    if (this.#video && this.#stream) this.#show(this.#stream);
  };

  async start(): Promise<void> {
    if (this.state.value === "on" || this.state.value === "starting") return;
    if (!navigator.mediaDevices?.getUserMedia) {
      this.state.value = "missing";
      return;
    }
    this.state.value = "starting";
    try {
      await this.#load();
      const video = { facingMode: this.#options.facing, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      this.#stream = stream;
      stream.getVideoTracks()[0]?.addEventListener("ended", () => this.stop("asleep"));
      this.#learnTorch(stream);
      this.#show(stream);
      this.state.value = "on";
      this.#quietSince = performance.now();
    } catch (fault) {
      const name = fault instanceof DOMException ? fault.name : "";
      const why: CameraState = name === "NotAllowedError" ? "refused" : name === "NotFoundError" || name === "OverconstrainedError" ? "missing" : "broken";
      this.stop(why);
    }
  }

  stop(state: CameraState = "off"): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.torch.value = undefined;
    this.nothing.value = false;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.state.value = state;
  }

  async switchTorch(): Promise<void> {
    const track = this.#stream?.getVideoTracks()[0];
    const wanted = !this.torch.value;
    await track?.applyConstraints({ advanced: [{ torch: wanted } as MediaTrackConstraintSet] });
    this.torch.value = wanted;
  }

  #learnTorch(stream: MediaStream): void {
    const can = stream.getVideoTracks()[0]?.getCapabilities?.() as { torch?: boolean } | undefined;
    this.torch.value = can?.torch ? false : undefined;
  }

  #load(): Promise<void> {
    const worker = new Worker(SCAN_WORKER, { type: "module" });
    this.#worker = worker;
    this.#busy = false;
    return new Promise((resolve, reject) => {
      worker.addEventListener("error", () => reject(new Error("the reader did not load")));
      worker.addEventListener("message", (event: MessageEvent<{ kind: string; text?: string }>) => {
        if (event.data.kind === "ready") resolve();
        else if (event.data.kind === "broken") reject(new Error("the reader does not work here"));
        else this.#answered(event.data.text ?? "");
      });
      worker.postMessage({ kind: "setup", formats: this.#options.formats });
    });
  }

  #show(stream: MediaStream): void {
    const video = this.#video;
    if (!video) return;
    video.srcObject = stream;
    void video.play().catch(() => undefined);
    const next = (): void => {
      if (this.#stream !== stream || this.#video !== video) return;
      this.#grab(video);
      if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(next);
      else requestAnimationFrame(next);
    };
    next();
  }

  #grab(video: HTMLVideoElement): void {
    const quiet = performance.now() - this.#quietSince;
    const sleepAfter = this.#options.sleepAfter ?? SLEEP_AFTER;
    if (sleepAfter && quiet > sleepAfter) return this.stop("asleep");
    this.nothing.value = quiet > HINT_AFTER;
    const { videoWidth: width, videoHeight: height } = video;
    if (this.#busy || !this.#worker || !width) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(video, 0, 0);
    const pixels = context.getImageData(0, 0, width, height).data.buffer;
    this.#busy = true;
    this.#worker.postMessage({ kind: "picture", width, height, pixels, n: this.#frame++ }, [pixels]);
  }

  #answered(text: string): void {
    this.#busy = false;
    if (!text) return;
    const at = performance.now();
    this.#quietSince = at;
    const again = text === this.#last.text && at - this.#last.at < SAME_CODE;
    this.#last = { text, at };
    if (!again) this.#options.onText(text, at);
  }

  /** A code that was acted on may be shown again on purpose, e.g. after an undo. */
  forgetLast(): void {
    this.#last = { text: "", at: 0 };
  }
}
