/** One large shape for each face, readable at three metres without its colour. */

import type { ComponentChildren } from "preact";

import type { FaceName } from "./state.ts";

const Shape = ({ children, thin }: { children: ComponentChildren; thin?: boolean }) => (
  <svg class="picture" viewBox="0 0 120 120" fill="none" stroke="currentColor" stroke-width={thin ? 5 : 9} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{children}</svg>
);

const ARCH = "M22 106V58a38 38 0 0 1 76 0v48";

const Arch = () => <Shape><path d={ARCH} /><path d="M8 106h18M94 106h18" /></Shape>;
const BarredArch = () => <Shape><path d={ARCH} /><path d="M8 106h18M94 106h18" /><path d="M22 74h76" /></Shape>;
/** A closed hand with the palm to the reader: wait, without a cross and without a face. */
const Hand = () => (
  <Shape>
    <path d="M36 60V34a8 8 0 0 1 16 0v20-28a8 8 0 0 1 16 0v28-22a8 8 0 0 1 16 0v34-10a8 8 0 0 1 16 0v22c0 22-14 34-34 34-16 0-25-7-32-20L20 70a8 8 0 0 1 13-9l7 9" />
  </Shape>
);
const Person = () => <Shape><circle cx="60" cy="36" r="20" /><path d="M18 108c4-26 20-40 42-40s38 14 42 40" /></Shape>;
const Tool = () => <Shape><path d="M78 20a22 22 0 0 0-27 29L20 80a10 10 0 0 0 14 14l31-31a22 22 0 0 0 29-27L80 50 66 48l-2-14z" /><path d="M18 18l84 84" /></Shape>;
const Window = () => (
  <Shape thin>
    <path d="M14 38V24a10 10 0 0 1 10-10h14M82 14h14a10 10 0 0 1 10 10v14M106 82v14a10 10 0 0 1-10 10H82M38 106H24a10 10 0 0 1-10-10V82" />
    <rect x="40" y="26" width="40" height="68" rx="7" />
    <path d="M50 42h8v8h-8zM62 42h8v8h-8zM50 54h8v8h-8zM62 54h8v8h-8zM54 84h12" />
  </Shape>
);
const Eye = () => <Shape thin><path d="M8 60s18-32 52-32 52 32 52 32-18 32-52 32S8 60 8 60z" /><circle cx="60" cy="60" r="15" /></Shape>;
const Back = () => <Shape><path d="M46 34 20 60l26 26M22 60h50a26 26 0 0 1 0 46" /></Shape>;
const Key = () => <Shape><circle cx="40" cy="80" r="20" /><path d="M55 66 98 22M84 36l14 14M98 22l12 12" /></Shape>;
const Flag = () => <Shape><path d="M34 12v98M36 18h60v44H36" /></Shape>;

export const PICTURES: Record<FaceName, () => preact.JSX.Element> = {
  starting: Flag, ready: Window, reading: Eye, clear: Arch, conditions: BarredArch, hold: Hand, see_staff: Person,
  annulled: Back, out_of_order: Tool, maintenance: Key, no_check: Arch, retired: Flag,
};
