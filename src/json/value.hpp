#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// JSON values. The templates of nlohmann's library are instantiated only in value.cpp.
namespace json {

/// Text that is not JSON, or a value that is not of the expected kind.
class JsonError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Value;
struct Field;
using Array = std::vector<Value>;

/// Named values, in the order in which they were added.
class Object {
  public:
    Object();
    Object(std::initializer_list<Field> fields);
    Object(const Object&);
    Object(Object&&) noexcept;
    Object& operator=(const Object&);
    Object& operator=(Object&&) noexcept;
    ~Object();

    /// The value with this name; adds a null value if there is none.
    Value& operator[](std::string_view name);

    /// The value with this name; null if there is none.
    const Value& get(std::string_view name) const;

    /// Adds fields; replaces those with the same names.
    void update(const Object& other);

    bool empty() const;
    const Field* begin() const;
    const Field* end() const;

    /// Ignores the order of the fields.
    bool operator==(const Object& other) const;

  private:
    std::vector<Field> fields_;
};

class Value {
  public:
    Value() noexcept; ///< null
    Value(std::nullopt_t) noexcept;
    template <std::same_as<bool> Boolean>
    Value(Boolean value) noexcept : value_(value) {}
    template <std::integral Integer>
    requires(!std::same_as<Integer, bool>) Value(Integer value)
    noexcept : value_(static_cast<std::int64_t>(value)) {}
    Value(double value) noexcept;
    Value(const char* text);
    Value(std::string_view text);
    Value(std::string text);
    Value(Array items);
    Value(const std::vector<std::string>& texts);
    Value(const std::vector<std::int64_t>& numbers);
    Value(Object object);
    template <typename Content>
    Value(const std::optional<Content>& content) {
        if (content)
            *this = Value(*content);
    }
    Value(const Value&);
    Value(Value&&) noexcept;
    Value& operator=(const Value&);
    Value& operator=(Value&&) noexcept;
    ~Value();

    bool is_null() const;
    bool is_integer() const;
    bool is_array() const;
    bool is_object() const;

    /// \throws JsonError if the value is of another kind.
    bool boolean() const;
    std::int64_t integer() const;
    double number() const; ///< also for an integer
    const std::string& text() const&;
    std::string text() &&;
    std::optional<std::string> optional_text() const; ///< nothing for null
    const Array& array() const&;
    Array array() &&;
    std::vector<std::string> texts() const; ///< the items of an array
    const Object& object() const&;
    Object object() &&;

    /// \throws JsonError if the value is not an array, or has no such item.
    const Value& at(std::size_t index) const;
    /// \throws JsonError if the value is not an object, or has no such field.
    const Value& at(std::string_view name) const;

    bool operator==(const Value& other) const;

  private:
    template <typename Content>
    const Content& get(const char* kind) const;

    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;

    friend class Writer;
};

struct Field {
    std::string name;
    Value value;

    bool operator==(const Field&) const = default;
};

/// Parses JSON. An integer that does not fit into std::int64_t becomes a double.
/// \throws JsonError if the text is not JSON, or is nested too deeply.
Value parse(std::string_view text);

/// How to write bytes that are not UTF-8.
enum class BadBytes {
    refuse, ///< throw JsonError
    replace ///< write U+FFFD
};

/// Writes JSON on one line without spaces.
std::string dump(const Value& value, BadBytes bad = BadBytes::refuse);

} // namespace json
