# Curves and bars.

nothing = Nothing to show yet.
labelled = { $label }: { $what }
essence = { $name }: highest { $peak } at { $place }, last { $last }.
essence-bars = { $name }: highest { $peak } at { $place }.
show-table = Show as a table
time = Time
name = Name
left-out = { $count ->
    [one] { $count } older row is left out.
   *[other] { $count } older rows are left out.
  }
