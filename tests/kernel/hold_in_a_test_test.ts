/** The example of a test that holds answers is a test like any other: it registers itself. */

import "../../examples/hold_in_a_test/client_test.ts";
