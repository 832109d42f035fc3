// Starts the Chromium of the system, with a profile of its own and without anything that
// would talk to a network.
import { chromium } from "playwright-core";

export const launch = () => chromium.launch({
  executablePath: process.env.AFTRACE_CHROMIUM || "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
