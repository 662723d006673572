"""What films and figures share: style, panels, text layout."""
