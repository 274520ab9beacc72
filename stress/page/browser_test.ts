import assert from "node:assert/strict";
import { browserTest, openPage } from "../../sim/report_page/chromium_rig_test.ts";
import { wholeResult } from "../results/result_rig_test.ts";
import { renderStressPage } from "./page.ts";

browserTest(
  "in a browser: the page opens from disk, draws its curves, and nothing is refused",
  async (browser) => {
    const { dom, complaints } = await openPage(browser, await renderStressPage(wholeResult()));
    assert.deepEqual(complaints, []);
    assert.equal(dom.match(/class="uplot/g)?.length, 3);
  },
);
