"""What the viewer reads as JSON: worklist rows, strip tiles, banner. Pure."""
