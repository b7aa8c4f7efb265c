// Unpacks the browser, and the libraries that it needs, into the folder that TMPDIR names.

import chromium from "@sparticuz/chromium";

console.log(await chromium.executablePath());
