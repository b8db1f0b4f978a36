// Runs only where nobody has told the server the reader's zone: tells it by a cookie, and rewrites this one page.
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const A_YEAR = 365 * 24 * 3600;

export function start(root) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `zone=${zone}; path=/; max-age=${A_YEAR}; samesite=lax${secure}`;
  root.documentElement.dataset.zone = zone;
  for (const name of root.querySelectorAll("[data-zone-name]")) name.textContent = zone;
  for (const time of root.querySelectorAll("time[data-local]")) {
    const text = dayAndTime(new Date(time.dateTime), zone);
    time.textContent = time.dataset.local === "full" ? withZone(text, zone) : text;
  }
}

function withZone(text, zone) {
  return zone === "UTC" || zone === "Etc/UTC" ? `${text} UTC` : `${text} (${zone})`;
}

export function dayAndTime(date, zone) {
  const { lang } = document.documentElement;
  if (lang && lang !== "en") {
    const told = (parts) => new Intl.DateTimeFormat(lang, { timeZone: zone, ...parts }).format(date);
    const time = told({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    return `${told({ year: "numeric", month: "short", day: "numeric" })}, ${time}`;
  }
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, year: "numeric", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
    }).formatToParts(date).map(({ type, value }) => [type, value]),
  );
  return `${Number(parts.day)} ${MONTHS[parts.month - 1]} ${parts.year}, ${parts.hour}:${parts.minute}`;
}
