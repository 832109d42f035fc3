// node drive.mjs REPORT.html
//
// Opens a report from its file as a user would, works with it by mouse and keys, and writes
// what was seen as JSON. What must have been seen is for the caller to say.
import { pathToFileURL } from "node:url";
import { launch } from "./chromium.mjs";

const seen = { errors: [], requests: [] };
const browser = await launch();
try {
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, colorScheme: "light" });
  const page = await context.newPage();
  page.on("console", (m) => { if (m.type() !== "log") seen.errors.push(m.type() + ": " + m.text()); });
  page.on("pageerror", (e) => seen.errors.push(String(e)));
  page.on("dialog", (d) => { seen.errors.push("dialog: " + d.message()); d.dismiss(); });
  page.on("request", (r) => seen.requests.push(r.url().split(":")[0]));
  page.on("response", (r) => { if (!r.ok() && r.status() !== 0) seen.errors.push("status " + r.status()); });
  await page.goto(pathToFileURL(process.argv[2]).href, { waitUntil: "load" });
  seen.load_ms = await page.evaluate(() => Math.round(performance.getEntriesByType("navigation")[0].loadEventEnd));

  seen.title = await page.title();
  seen.verdict = await page.textContent("#verdict");
  seen.owned = await page.evaluate(() => typeof window.owned);
  seen.scripts = await page.locator("script").count();
  seen.foreign = await page.locator("main img, main iframe, main object, main embed, main base, main link, main style, main script").count();
  seen.handlers = await page.evaluate(() => [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length);
  seen.links = await page.evaluate(() => [...new Set([...document.querySelectorAll("a[href]")].map((a) => a.getAttribute("href").startsWith("#") ? "#" : new URL(a.href).protocol))].sort());

  const visible = () => page.evaluate(() => [...document.querySelectorAll("#list > li")].filter((li) => li.checkVisibility()).length);
  seen.findings = await page.locator("#list > li").count();
  seen.ladders = await page.locator("#list svg.ladder").count();

  // Filter and search.
  const word = await page.locator("#list .id").last().textContent();
  await page.keyboard.press("/");
  seen.slash = await page.evaluate(() => document.activeElement.id);
  await page.keyboard.type(word);
  await page.locator("#shown").filter({ hasText: "of" }).waitFor();
  seen.searched = await visible();
  await page.keyboard.press("Escape");
  seen.cleared = await visible();
  await page.keyboard.press("Escape");
  await page.fill("#search", "nothing that any report says");
  await page.locator("#none").waitFor({ state: "visible" });
  seen.none = await visible();
  await page.click("#filter button[type=reset]");
  await page.locator("#none").waitFor({ state: "hidden" });
  await page.selectOption("#by-severity", "warning");
  seen.warnings = await visible();
  seen.said = await page.textContent("#shown");
  await page.selectOption("#by-severity", "");

  // Keys: from finding to finding, open one, see its ladder.
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  const here = () => page.evaluate(() => { const d = document.activeElement.closest("details"); return d ? d.id : ""; });
  await page.locator("#list summary").first().focus();
  seen.first = await here();
  await page.keyboard.press("j");
  seen.second = await here();
  await page.keyboard.press("k");
  seen.back = await here();
  seen.outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  await page.keyboard.press("Enter");
  seen.open = await page.evaluate(() => document.activeElement.closest("details").open);
  const ladder = page.locator("#list details[open] svg.ladder").first();
  await ladder.waitFor({ state: "visible" });
  seen.lanes = await ladder.locator("text.lane").count();
  seen.rungs = await ladder.locator("[role=listitem]").count();
  seen.proofs = await ladder.locator(".proof").count();
  seen.rung = await ladder.locator(".proof").first().getAttribute("aria-label");
  await page.keyboard.press("Enter");
  await page.keyboard.press("?");
  seen.help = await page.evaluate(() => document.getElementById("keys").open);
  await page.keyboard.press("Escape");

  // Tab reaches the controls in their order.
  await page.evaluate(() => { document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus(); });
  seen.tabs = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    seen.tabs.push(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("href") || document.activeElement.tagName.toLowerCase()));
  }

  // Theme: system is light here, then light, then dark.
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  seen.themes = [await ground()];
  await page.keyboard.press("t");
  seen.themes.push(await ground());
  await page.click("#theme");
  seen.themes.push(await ground());
  seen.theme = await page.textContent("#theme");
  await page.keyboard.press("t");
  await page.emulateMedia({ colorScheme: "dark" });
  seen.themes.push(await ground());
  await page.emulateMedia({ colorScheme: "light" });

  // Timeline: it is drawn, zooms and tells about objects.
  await page.locator("#timeline").scrollIntoViewIfNeeded();
  const chart = page.locator("#drawing canvas.lives").first();
  await chart.waitFor();
  seen.charts = await page.locator("#drawing canvas.lives").count();
  const range = page.locator("#drawing .range").first();
  await page.waitForFunction(() => document.querySelector("#drawing .range").textContent !== "");
  seen.whole = await range.textContent();
  await chart.focus();
  await page.keyboard.press("+");
  await page.waitForFunction((was) => document.querySelector("#drawing .range").textContent !== was, seen.whole);
  seen.zoomed = await range.textContent();
  await page.keyboard.press("0");
  await page.waitForFunction((was) => document.querySelector("#drawing .range").textContent === was, seen.whole);
  await page.keyboard.press("n");
  seen.object = await page.locator("#drawing .said").first().textContent();
  seen.inked = await chart.evaluate((c) => {
    const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    let n = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i]) n++;
    return n;
  });
  seen.histograms = await page.locator("svg.hist").count();

  // Paper shows what is closed.
  const inside = page.locator("#list details .body").last();
  seen.closed = await inside.isVisible();
  await page.emulateMedia({ media: "print" });
  seen.printed = await inside.isVisible();
  await page.emulateMedia({ media: "screen" });

  // Without scripts the findings are there and open.
  const plain = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await plain.goto(pathToFileURL(process.argv[2]).href);
  seen.plain = await plain.locator("#list > li").count();
  await plain.locator("#list summary").first().click();
  seen.plain_ladder = await plain.locator("#list details[open] svg.ladder").first().isVisible();
  seen.plain_controls = await plain.locator("#filter:visible, #theme:visible").count();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen, null, 1));
