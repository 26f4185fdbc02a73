/** A QR code as crisp SVG: whole pixels per module, a quiet zone of four, always dark on light. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { encode } from "uqr";

const QUIET = 4;

type Props = { text: string; label: string; level?: "L" | "M" | "Q"; max?: number };

export function Code({ text, label, level = "M", max = 460 }: Props) {
  const { data, size } = useMemo(() => encode(text, { ecc: level, border: 0, boostEcc: false }), [text, level]);
  const modules = size + 2 * QUIET;
  const box = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);

  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => setRoom(entry!.contentRect.width));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);

  // Whole device pixels per module: a camera then sees every edge sharp.
  const dots = devicePixelRatio || 1;
  const width = (Math.max(1, Math.floor((Math.min(room || max, max) * dots) / modules)) * modules) / dots;
  return (
    <div class="code-box" ref={box} role="img" aria-label={label} data-modules={modules}>
      <svg viewBox={`${-QUIET} ${-QUIET} ${modules} ${modules}`} width={width} height={width} aria-hidden="true">
        <path d={outline(data)} fill="#0b1f24" />
      </svg>
    </div>
  );
}

/** One path of horizontal runs: a version 11 code stays under 3 kB of SVG. */
function outline(rows: boolean[][]): string {
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      const start = x;
      while (row[x + 1]) x++;
      path += `M${start} ${y}h${x - start + 1}v1H${start}z`;
    }
  });
  return path;
}
