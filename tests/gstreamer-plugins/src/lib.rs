//! Holds nothing: this package only says which plugins are built, with which features.
