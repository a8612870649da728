"""The scenario `page`: what the page costs the reader's browser, measured in a real one."""
