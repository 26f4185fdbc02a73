"use strict";
/* Reads files where they are, has this machine check them, shows what holds. Nothing is stored. */

const WORDS = {
  title: { en: "Attendance that members handed in", "zh-Hans": "会员提交的出勤" },
  lead: {
    en: "Each receipt is checked here, on this machine. What a member did not hand in exists nowhere.",
    "zh-Hans": "每张收据都在本机核对。会员未提交的，别处也不存在。",
  },
  choose: { en: "Files of members, all weeks that belong together", "zh-Hans": "会员提交的文件（请选择同属一期的各周）" },
  checking: { en: "Checking…", "zh-Hans": "正在核对……" },
  told: { en: "Receipts that hold: {rows}. That do not: {refused}.", "zh-Hans": "{rows} 张有效，{refused} 张无效。" },
  failed: { en: "This machine did not answer. Is `pratique member page` still running?", "zh-Hans": "本机没有应答。pratique member page 是否仍在运行？" },
  refused: { en: "What does not hold", "zh-Hans": "无效的收据" },
  receipt: { en: "{file}, receipt {place}: {why}", "zh-Hans": "{file}，第 {place} 张：{why}" },
  file: { en: "{file}: {why}", "zh-Hans": "{file}：{why}" },
  found: { en: "What holds", "zh-Hans": "有效的收据" },
  save: { en: "Save as CSV", "zh-Hans": "存为 CSV" },
  member: { en: "Member", "zh-Hans": "会员" },
  date: { en: "Date", "zh-Hans": "日期" },
  time: { en: "Time", "zh-Hans": "时间" },
  door: { en: "Door", "zh-Hans": "门" },
  other: { en: "中文", "zh-Hans": "English" },
};

const here = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language;
let language = asked.toLowerCase().startsWith("zh") ? "zh-Hans" : "en";
let told = null;
let state = "";

const say = (key, fill = {}) => WORDS[key][language].replace(/\{(\w+)\}/g, (_, name) => String(fill[name] ?? ""));

function draw() {
  document.documentElement.lang = language;
  document.title = say("title");
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(one.dataset.say);
  here("language").textContent = say("other");
  here("language").lang = language === "en" ? "zh-Hans" : "en";
  here("state").textContent = told ? say("told", { rows: told.rows.length, refused: told.refused.length }) : state && say(state);
  here("refused").hidden = !told || told.refused.length === 0;
  here("found").hidden = !told || told.rows.length === 0;
  if (!told) return;
  here("refused").querySelector("ul").replaceChildren(...told.refused.map((one) => {
    const item = document.createElement("li");
    item.textContent = say(one.place ? "receipt" : "file", { file: one.file, place: one.place, why: one.text[language] });
    return item;
  }));
  here("found").querySelector("tbody").replaceChildren(...told.rows.map((one) => {
    const row = document.createElement("tr");
    const door = one.door.split(" / ");
    for (const text of [one.member, one.date, one.time, language === "en" ? door.at(-1) : door[0]]) row.insertCell().textContent = text;
    return row;
  }));
}

async function look() {
  told = null;
  state = "checking";
  draw();
  const chosen = [...here("files").files];
  const files = await Promise.all(chosen.map(async (file) => ({ name: file.name, text: await file.text() })));
  try {
    const answer = await fetch("/check", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ files }) });
    if (!answer.ok) throw new Error(String(answer.status));
    told = await answer.json();
  } catch {
    state = "failed";
  }
  draw();
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([told.csv], { type: "text/csv" }));
  link.download = "attendance.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

here("files").addEventListener("change", () => void look());
here("save").addEventListener("click", save);
here("language").addEventListener("click", () => { language = language === "en" ? "zh-Hans" : "en"; draw(); });
draw();
