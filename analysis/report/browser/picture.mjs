// node picture.mjs REPORT.html OUT.png [light|dark|print] [WIDTH] [ANCHOR...]
//
// Takes a picture of a report as a user sees it, from the top to the end of the timeline: the
// first finding, or those named, opened. With print it is a PDF of the whole.
import { pathToFileURL } from "node:url";
import { launch } from "./chromium.mjs";

const [report, out, look = "light", width = "1180", ...open] = process.argv.slice(2);
if (!out) {
  console.error("usage: node picture.mjs REPORT.html OUT.png [light|dark|print] [WIDTH] [ANCHOR...]");
  process.exit(2);
}
const browser = await launch();
try {
  const page = await browser.newPage({
    viewport: { width: Number(width), height: 900 }, deviceScaleFactor: 1, colorScheme: look === "dark" ? "dark" : "light",
  });
  await page.goto(pathToFileURL(report).href);
  if (look === "print") {
    await page.pdf({ path: out, format: "A4", printBackground: true });
  } else {
    for (const id of open.length > 0 ? open : ["f1"]) await page.evaluate((id) => { document.getElementById(id).open = true; }, id);
    await page.locator("#timeline").scrollIntoViewIfNeeded();
    await page.locator("#drawing canvas.lives").first().waitFor();
    await page.waitForFunction(() => document.querySelector("#drawing .range")?.textContent);
    await page.evaluate(() => scrollTo(0, 0));
    // A window of that height: what is outside of the window is not laid out.
    const bottom = await page.evaluate(() => document.getElementById("timeline").getBoundingClientRect().bottom);
    await page.setViewportSize({ width: Number(width), height: Math.ceil(bottom) });
    await page.waitForTimeout(500);
    await page.screenshot({ path: out });
  }
} finally {
  await browser.close();
}
