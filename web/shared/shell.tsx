/** The top line of every face: the flag, the name, and the two switches that are on every screen. */

import { render, type ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Arrow, Flag } from "./icons.tsx";
import { language, large } from "./prefs.ts";
import { t } from "./words.ts";

export function Bar({ name, children }: { name: string; children?: ComponentChildren }) {
  return (
    <header class="bar">
      <a class="brand" href="#/"><Flag /><span>{t("common.pratique")}<small>{name}</small></span></a>
      <span class="grow" />
      {children}
      <Switches />
    </header>
  );
}

export function Switches() {
  const other = language.value === "en" ? "zh-Hans" : "en";
  return (
    <div class="switches">
      <button type="button" lang={other} onClick={() => { language.value = other; }} data-switch="language">
        {other === "en" ? "English" : "中文"}
      </button>
      <button type="button" aria-pressed={large.value} onClick={() => { large.value = !large.value; }} data-switch="large">
        {t("common.large")}
      </button>
    </div>
  );
}

/** A screen: its heading takes the focus when it opens, so that a screen reader says where one is. */
export function Screen({ title, back, children, wide }: { title: string; back?: boolean; children: ComponentChildren; wide?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => { document.title = `${title} · ${t("common.pratique")}`; }, [title]);
  useEffect(() => {
    if (back) heading.current?.focus();
    scrollTo(0, 0);
  }, []);
  return (
    <main class={`page ${wide ? "wide" : ""}`} id="main">
      {back && <a class="back" href="#/"><Arrow />{t("common.back")}</a>}
      <h1 tabIndex={-1} ref={heading}>{title}</h1>
      {children}
    </main>
  );
}

/** Puts the face in the place of the "opening" line of its page. */
export function mount(face: ComponentChildren): void {
  const place = document.getElementById("app")!;
  place.replaceChildren();
  render(face, place);
}

/** While the store on this device is being read. */
export const Opening = () => <main class="page" id="main"><p role="status">{t("common.opening")}</p></main>;
