"""All cases, by area; importing this module fills suite.CASES."""

# The order matters: cases_forms repeats some of the others in generic form.
import cases_lax  # noqa: F401 I001
import cases_numpy  # noqa: F401
import cases_nn  # noqa: F401
import cases_control  # noqa: F401
import cases_forms  # noqa: F401
