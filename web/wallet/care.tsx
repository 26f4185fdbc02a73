/** What belongs to one notice besides its words: the copy of an order with its care and its ways to object, and "call me". */

import { useState } from "preact/hooks";

import { dayAndTime, ms, withZone } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import { isOpen, type Notice, type Order } from "./model.ts";
import { Part, said } from "./parts.tsx";
import { busy, callMe, view } from "./state.ts";

/** The order behind a notice, as its subject holds it; it prints on one page. */
export function OrderPart({ notice }: { notice: Notice }) {
  const order = (view.value?.orders ?? []).find((one) => one.notice_id === notice.id);
  return order ? <OrderCopy order={order} /> : null;
}

function OrderCopy({ order }: { order: Order }) {
  return (
    <section class="card order-copy stack">
      <h2>{t("wallet.order.title")}</h2>
      <p>{say(order.issuer)} · {order.basis.join("; ")}</p>
      <p>{order.why}</p>
      <p><strong>{t("wallet.order.ends", { when: withZone(ms(order.ends_at)) })}</strong></p>
      <dl class="facts">
        {order.care.map((line) => <div><dt>{say(line.what)}</dt><dd>{line.who}</dd></div>)}
      </dl>
      {order.family_by && <p>{family(order)}</p>}
      <h3>{t("wallet.order.object")}</h3>
      <dl class="facts">
        <div><dt>{t("wallet.order.appeal")}</dt><dd>{say(order.appeal_office)}</dd></div>
        <div><dt>{t("wallet.order.review")}</dt><dd>{said(order.review_path)}</dd></div>
        <div><dt>{t("wallet.order.court")}</dt><dd>{said(order.court_path)}</dd></div>
      </dl>
      <p class="small soft mono">{order.id} · {dayAndTime(ms(order.opened_at))}</p>
      <button class="button second no-print" type="button" onClick={() => print()}>{t("wallet.order.print")}</button>
    </section>
  );
}

/** Who was told: within a day somebody the person names, or nobody where that is their wish. */
function family(order: Order): string {
  const when = withZone(ms(order.family_at ?? order.family_by ?? order.opened_at));
  return t(FAMILY[order.family || "by"], { when });
}

const FAMILY = {
  by: "wallet.order.family.by", told: "wallet.order.family.told", "not-wished": "wallet.order.family.not-wished",
} as const;

/** One tap, and somebody calls within two hours. */
export function CallMe({ notice }: { notice: Notice }) {
  const [by, setBy] = useState<string>();
  if (!isOpen(notice)) return null;
  if (by) return <p class="note clear" role="status">{t("wallet.call.by", { when: withZone(ms(by)) })}</p>;
  return (
    <Part title={t("wallet.call.title")} level="h2">
      <p>{t("wallet.call.what")}</p>
      <button class="button second" type="button" disabled={busy.value} onClick={() => void callMe(notice).then(setBy)}>{t("wallet.call.now")}</button>
    </Part>
  );
}
