/** Booking: one's own tickets, then every place with how long one waits there, before anybody sets out. */

import { useEffect, useState } from "preact/hooks";

import { Screen } from "../shared/shell.tsx";
import { clockTime, ms, withZone } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import { asking, book, campaigns, entered, giveBack, isRetest, look, offline, problem, tickets, wish, type Campaign, type Place, type Ticket, type Window } from "./booking-state.ts";

const SHOWN = 12;
const MOST_WISHES = 10;

export function BookingScreen() {
  const [area, setArea] = useState("");
  useEffect(() => void look(), []);
  const list = campaigns.value;
  return (
    <Screen title={t("wallet.booking.title")} back wide>
      <p class="lead">{t("wallet.booking.lead")}</p>
      {isRetest() && <p class="note flag">{t("wallet.booking.retest")}</p>}
      {offline.value && <p class="note flag" role="status" data-offline>{t("wallet.booking.offline")}</p>}
      {problem.value && <p class="note hold" role="alert">{say(problem.value)}</p>}
      {entered.value && <p class="note clear" role="status">{t("wallet.booking.entered", { when: withZone(ms(entered.value.closes_at)) })}</p>}
      {tickets.value.map((one) => <TicketCard ticket={one} key={one.id} />)}
      {list?.length === 0 && <p class="empty">{t("wallet.booking.none")}</p>}
      {list?.map((one) => <Round campaign={one} area={area} choose={setArea} key={one.campaign_id} />)}
    </Screen>
  );
}

function TicketCard({ ticket }: { ticket: Ticket }) {
  return (
    <section class="card" data-ticket={ticket.slot_id} aria-label={t("wallet.booking.ticket")}>
      <p class="over">{t(ticket.purpose === "retest" ? "wallet.booking.ticket-single" : "wallet.booking.ticket")}</p>
      <p><strong>{withZone(ms(ticket.start))}</strong></p>
      <p>{t(ticket.kind === "home" ? "wallet.booking.at-home" : "wallet.booking.at-place", { place: say(ticket.place) })}</p>
      <p class="small soft">{t("wallet.booking.forgotten")}</p>
      <button type="button" class="button second" disabled={asking.value} onClick={() => void giveBack(ticket)}>{t("wallet.booking.give-back")}</button>
    </section>
  );
}

function Round({ campaign, area, choose }: { campaign: Campaign; area: string; choose: (area: string) => void }) {
  const places = campaign.places.filter((one) => !area || one.area_id === area);
  return (
    <section class="stack">
      <h2>{say(campaign.name)}</h2>
      {campaign.areas.length > 1 && (
        <div class="field">
          <label for={`area-${campaign.campaign_id}`}>{t("wallet.booking.area")}</label>
          <select id={`area-${campaign.campaign_id}`} value={area} onChange={(e) => choose(e.currentTarget.value)}>
            <option value="">{t("wallet.booking.all-areas")}</option>
            {campaign.areas.map((one) => <option value={one.id}>{say(one.name)}</option>)}
          </select>
        </div>
      )}
      {places.map((one) => <PlaceCard place={one} key={one.id} />)}
    </section>
  );
}

function PlaceCard({ place }: { place: Place }) {
  const [more, setMore] = useState(false);
  const [wishes, setWishes] = useState<string[]>([]);
  const byLot = place.windows.some((one) => one.by_lot);
  const shown = more ? place.windows : place.windows.slice(0, SHOWN);
  const toggle = (slot: string): void => setWishes((now) => (now.includes(slot) ? now.filter((s) => s !== slot) : [...now, slot].slice(0, MOST_WISHES)));
  return (
    <section class="card" data-place={place.id}>
      <h3>{say(place.name)}</h3>
      <p>{place.wait_now === null ? t("wallet.booking.home-only") : <><strong>{t("wallet.booking.wait-now", { n: place.wait_now })}</strong> {t("wallet.booking.walk-in")}</>}</p>
      {byLot && <p class="note flag">{t("wallet.booking.by-lot")}</p>}
      <ul class="windows" aria-label={t("wallet.booking.windows")}>
        {shown.map((one) => <li key={one.slot_id}><WindowButton window={one} home={place.kind === "home"} chosen={wishes.indexOf(one.slot_id) + 1} toggle={toggle} /></li>)}
      </ul>
      {!more && place.windows.length > SHOWN && <button type="button" class="button quiet" onClick={() => setMore(true)}>{t("wallet.booking.later")}</button>}
      {byLot && wishes.length > 0 && <button type="button" class="button" disabled={asking.value} onClick={() => void wish(wishes)}>{t("wallet.booking.enter", { n: wishes.length })}</button>}
    </section>
  );
}

function WindowButton({ window: one, home, chosen, toggle }: { window: Window; home: boolean; chosen: number; toggle: (slot: string) => void }) {
  const mine = tickets.value.some((ticket) => ticket.slot_id === one.slot_id);
  const full = one.free <= 0 && !one.by_lot;
  const state = mine ? t("wallet.booking.yours") : one.by_lot ? (chosen ? t("wallet.booking.wish-n", { n: chosen }) : t("wallet.booking.lot")) : full ? t("wallet.booking.full") : t("wallet.booking.free", { n: one.free });
  return (
    <button type="button" class={`button second window ${mine ? "mine" : ""}`} disabled={full || mine || asking.value} aria-pressed={mine || chosen > 0}
      data-slot={one.slot_id} onClick={() => (one.by_lot ? toggle(one.slot_id) : void book(one.slot_id))}>
      <span class="num">{clockTime(ms(one.start))}</span>
      <span class="small">{state}</span>
      {!home && <span class="small soft">{t("wallet.booking.wait", { n: one.wait })}</span>}
    </button>
  );
}
