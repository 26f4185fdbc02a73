/** The few pictures of the faces, drawn here so that nothing is fetched. All are decoration beside a word. */

import type { ComponentChildren } from "preact";

type Props = { class?: string };

const Line = ({ children, ...rest }: Props & { children: ComponentChildren }) => (
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {...rest} width="1.3em" height="1.3em">
    {children}
  </svg>
);

/** The flag Q on its staff: the mark of the house. */
export const Flag = ({ class: name = "flag" }: Props) => (
  <svg class={name} viewBox="0 0 32 32" aria-hidden="true">
    <path d="M8 3.5v25.5" stroke="var(--ink)" stroke-width="3" stroke-linecap="round" />
    <path d="M9.5 5h18v14.5h-18z" fill="var(--flag)" />
    <path d="M3.5 29c2.2-1.7 4.4-1.7 6.6 0s4.4 1.7 6.6 0 4.4-1.7 6.6 0 3.4 1.5 5.2.8" fill="none" stroke="var(--sea)" stroke-width="2.4" stroke-linecap="round" />
  </svg>
);

export const Arrow = () => <Line><path d="M19 12H5m6-7-7 7 7 7" /></Line>;
export const Pass = () => <Line><rect x="5" y="3" width="14" height="18" rx="2.5" /><path d="M9 8h2v2H9zm4 0h2v2h-2zm-4 4h2v2H9zm4 0h2v2h-2zM9 17h6" /></Line>;
export const Person = () => <Line><circle cx="12" cy="8" r="4" /><path d="M4.5 21c.6-4.3 3.6-6.5 7.5-6.5s6.9 2.2 7.5 6.5" /></Line>;
export const Tube = () => <Line><path d="M8 3h8M9.5 3v14.5a2.5 2.5 0 0 0 5 0V3M9.5 11h5" /></Line>;
export const Eye = () => <Line><path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z" /><circle cx="12" cy="12" r="2.8" /></Line>;
export const Scale = () => <Line><path d="M12 4v16M7 20h10M5 7h14M5 7l-2.5 6a2.7 2.7 0 0 0 5 0zm14 0-2.5 6a2.7 2.7 0 0 0 5 0z" /></Line>;
export const Paper = () => <Line><path d="M6 3h8l4.5 4.5V21H6zM14 3v4.5h4.5M9 12h6M9 16h6" /></Line>;
export const Gear = () => <Line><path d="M4 7h9m4 0h3M4 17h3m4 0h9" /><circle cx="15" cy="7" r="2.2" /><circle cx="9" cy="17" r="2.2" /></Line>;
export const Bell = () => <Line><path d="M6 10a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4S6 15 6 10zM10 20h4" /></Line>;
export const Camera = () => <Line><path d="M3.5 8h4L9 5.5h6L16.5 8h4v11h-17z" /><circle cx="12" cy="13.2" r="3.4" /></Line>;
export const Keys = () => <Line><rect x="2.5" y="6" width="19" height="12" rx="2" /><path d="M6 10h.01M10 10h.01M14 10h.01M18 10h.01M8 14h8" /></Line>;
export const Undo = () => <Line><path d="M8 5 3.5 9.5 8 14M4 9.5h10a5.5 5.5 0 0 1 0 11h-3" /></Line>;
export const Lamp = () => <Line><path d="M9 21h6M12 3v2M4.5 6 6 7.5M19.5 6 18 7.5M8 17.5h8c0-2.5 1.5-3 1.5-6a5.5 5.5 0 0 0-11 0c0 3 1.5 3.5 1.5 6z" /></Line>;
export const Cloud = () => <Line><path d="M7 18.5a4.5 4.5 0 0 1 .4-9 5.5 5.5 0 0 1 10.6 1.5 3.8 3.8 0 0 1-.5 7.5zM12 17v-5m-2 2 2-2 2 2" /></Line>;
